// BCR_COLD marks what runs once a model and not once a product: packing, opening, checking. Compilers then keep it
// small, which halves the time that a file with one product takes to compile.
#pragma once

#if defined(__GNUC__) || defined(__clang__)
#define BCR_COLD __attribute__((cold, noinline))
#else
#define BCR_COLD
#endif
