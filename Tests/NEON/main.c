// Checks every kernel of every tier of this processor against the reference. Prints hashes of what has to have the same
// bits on every processor.
//
//   neon-check TIER     TIER: the best tier that has to be there (reference, avx2, …, neon, neon_dot)

#include "support.h"

static const char *const names[APUS_TIER_COUNT] = {
    "reference", "avx2", "avx512", "avx512_bf16", "neon", "neon_dot",
};

int main(int argument_count, char **arguments) {
    if (argument_count != 2) {
        fprintf(stderr, "usage: %s TIER\n", arguments[0]);
        return 2;
    }
    const char *best = NULL;
    for (int i = 0; i < APUS_TIER_COUNT; i++) {
        const apus_kernels *kernels = apus_kernels_of_tier(i);
        if (kernels == NULL) {
            continue;
        }
        best = names[i];
        expect(kernels->tier == i, "the table of tier %s says it is tier %d", names[i], kernels->tier);
        if (i == APUS_TIER_REFERENCE) {
            continue;
        }
        const tier t = {kernels, names[i]};
        const size_t before = expectations();
        check_vectors(t);
        check_rows(t);
        check_products(t);
        check_attention(t);
        fprintf(stderr, "%s: %zu checks\n", names[i], expectations() - before);
    }
    expect(strcmp(best, arguments[1]) == 0, "the best tier is %s, not %s", best, arguments[1]);
    print_hashes();
    if (failures() > 0) {
        fprintf(stderr, "%zu of %zu checks failed\n", failures(), expectations());
    }
    return failures() > 0;
}
