/* conn.c - what a connection owns: one scratch area, made when first needed, and the list
 * of its similarity tables, which SQLite opens and closes.
 *
 * Each function and module registered on the connection holds one reference; SQLite's
 * destructors drop them when the connection closes. SQLite lets one thread at a time into
 * a connection, so nothing here is locked. */
#include "ext.h"

struct ext_conn {
    sqlite3 *db;
    size_t n_references;
    enc_work *work; /* NULL until asked for */
    struct ext_vt_table *tables;
    int depth; /* of what is read for something else: see ext.h */
};

ext_conn *ext_conn_new(sqlite3 *db)
{
    ext_conn *conn = enc_mem_zero(sizeof *conn);
    if (conn == NULL) return NULL;
    conn->db = db;
    conn->n_references = 1;
    return conn;
}

void ext_conn_keep(ext_conn *conn)
{
    conn->n_references++;
}

void ext_conn_drop(void *p)
{
    ext_conn *conn = p;
    if (conn == NULL || --conn->n_references > 0) return;
    enc_work_free(conn->work);
    enc_mem_free(conn);
}

sqlite3 *ext_conn_db(const ext_conn *conn)
{
    return conn->db;
}

int *ext_conn_depth(ext_conn *conn)
{
    return &conn->depth;
}

struct ext_vt_table **ext_conn_tables(ext_conn *conn)
{
    return &conn->tables;
}

enc_work *ext_work(ext_call *c)
{
    if (c->conn->work == NULL) ext_failed(c, enc_work_new(&c->conn->work, &c->err));
    if (c->conn->work != NULL) enc_work_ask(c->conn->work, ext_stop, c);
    return c->conn->work;
}
