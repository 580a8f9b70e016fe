/* test_tok_decode.c - ids back into text, and which pieces go on with a word, where
 * pieces are bytes and where words end in a suffix. */
#include "opened.h"

#include "text/alphabet.h"

static void every_byte_has_a_character(void)
{
    for (int byte = 0; byte < 256; byte++)
        CHECK(enc_alphabet_byte(enc_alphabet_char((uint8_t)byte)) == byte);
    CHECK(enc_alphabet_byte(' ') == -1 && enc_alphabet_byte(0x144) == -1);
    CHECK(enc_alphabet_byte(0xac00) == -1);
}

static bool decodes(const enc_tok *t, int32_t id, const char *text)
{
    char *is = enc_tok_decode(t, &id, 1, false);
    bool same = is != NULL && strcmp(is, text) == 0;
    enc_mem_free(is);
    return same;
}

/* Pieces are characters that stand for bytes: a syllable, a part of it, a dash, a letter,
 * a letter behind a space, and one that stands for no byte. */
static void pieces_of_bytes_are_put_together(void)
{
    enc_tok *t = opened(json_of((tokjson){
        .model = "{\"type\": \"BPE\", \"vocab\": {\"\xc3\xaa\xc2\xb0\xc4\xa2\": 0, "
                 "\"\xc3\xaa\": 1, \"\xc3\xa2\xc4\xa2\xc4\xb6\": 2, \"a\": 3, "
                 "\"\xc4\xa0\x61\": 4, \"\xea\xb0\x80\": 5, \"\xc3\xaa\xea\xb0\x80\": 6, "
                 "\"<x>\": 7, \"!\": 8}, \"merges\": []}",
        .pre_tokenizer = "{\"type\": \"ByteLevel\", \"add_prefix_space\": false}",
        .added_tokens = "[{\"id\": 7, \"content\": \"<x>\"}]"}));
    static const bool is_subword[] = {true,  true, false, true, false,
                                      false, true, false, false};
    if (t == NULL) return;
    CHECK(decodes(t, 0, "\xea\xb0\x80") && decodes(t, 2, "\xe2\x80\x94"));
    CHECK(decodes(t, 5, "\xea\xb0\x80") && decodes(t, 7, "<x>") && decodes(t, 4, " a"));
    for (int32_t id = 0; id < 9; id++)
        CHECK_SAY(enc_tok_is_subword(t, id) == is_subword[id], "piece %d", (int)id);
    CHECK(!enc_tok_is_subword(t, 99));
    enc_tok_close(t);
}

static void words_end_where_their_suffix_is(void)
{
    static const int32_t ids[] = {0, 1, 2};
    enc_tok *t = opened(json_of((tokjson){
        .model = "{\"type\": \"BPE\", \"end_of_word_suffix\": \"</w>\", \"vocab\": "
                 "{\"a\": 0, \"b</w>\": 1, \"c</w>\": 2}, \"merges\": []}",
        .pre_tokenizer = "{\"type\": \"Whitespace\"}"}));
    if (t == NULL) return;
    char *text = enc_tok_decode(t, ids, 3, false);
    CHECK_SAY(text != NULL && strncmp(text, "ab c", 4) == 0, "%s", text);
    enc_mem_free(text);
    CHECK(!enc_tok_is_subword(t, 0));
    enc_tok_close(t);
}

int main(void)
{
    every_byte_has_a_character();
    pieces_of_bytes_are_put_together();
    words_end_where_their_suffix_is();
    CHECK(enc_mem_live() == 0);
    return check_done("tok_decode");
}
