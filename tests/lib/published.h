/* published.h - what MTEB's official result files say of models people use, to print
 * beside what we measure of them. */
#ifndef PUBLISHED_H
#define PUBLISHED_H

typedef enum published_set {
    PUBLISHED_NOWHERE,
    PUBLISHED_STS_EN,   /* STS-B English test, Spearman of cosines */
    PUBLISHED_STS_KO,   /* KorSTS test, the same */
    PUBLISHED_BANKING_8 /* Banking77, 8 examples a label, accuracy */
} published_set;

/* The figure for the model that a path names by its last part or by the hub's name, as a
 * text; "-" if we know none. */
const char *published_of(const char *path, published_set set);

#endif
