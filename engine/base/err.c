/* err.c - see err.h. */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>

void enc_err_clear(enc_err *e)
{
    e->rc = ENC_OK;
    e->text[0] = '\0';
}

/* Names in parentheses are never macros (err.h). */
enc_rc(enc_fail)(enc_err *e, enc_rc rc, const char *format, ...)
{
    if (e != NULL && e->rc == ENC_OK) {
        va_list args;
        e->rc = rc;
        va_start(args, format);
        vsnprintf(e->text, sizeof e->text, format, args);
        va_end(args);
    }
    return rc;
}

enc_rc(enc_nomem)(enc_err *e)
{
    if (e != NULL && e->rc == ENC_OK) e->rc = ENC_NOMEM;
    return ENC_NOMEM;
}
