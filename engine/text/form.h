/* form.h - the four normal forms of Unicode (annex 15), with places.
 *
 * One pass: characters are taken apart, the marks behind a starter are put in order, and
 * for NFC and NFKC joined to it again. A composed character stands for all that it was
 * made of. Of more than 64 marks in a row, 64 at a time are put in order. */
#ifndef ENC_FORM_H
#define ENC_FORM_H

#include "text/placed.h"

typedef enum enc_form { ENC_NFC, ENC_NFD, ENC_NFKC, ENC_NFKD } enc_form;

/* Appends `in` in its normal form; false if out cannot grow, or told to stop. */
bool enc_form_run(enc_form form, const enc_placed *in, enc_placed *out);

#endif
