/* The checksum of device memory: one source for the kernel and for the CPU, which checks the kernel by it.
 *
 * Memory is taken as little-endian words of 8 bytes, the last one filled up with zeros. Each word is mixed
 * with its number by a bijection, and the results are added: a changed word always changes the sum, and as
 * addition knows no order, any number of threads may share the words in any way. Length and seed come in at
 * the end. Two other ranges have the same checksum with a probability of 2^-64; nobody is kept from making
 * them so on purpose.
 */
#ifndef TIO_CHECKSUM_H
#define TIO_CHECKSUM_H

#ifdef __CUDA__
#define TIO_CHECKSUM_INLINE static inline __attribute__((device))
#else
#define TIO_CHECKSUM_INLINE static inline
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef unsigned long long tio_checksum_word; /* 64 bits for the CPU and for the GPU */

/* What the kernel finds in memory that the CPU shares with it. */
typedef struct tio_checksum_range {
    tio_checksum_word memory; /* its address */
    tio_checksum_word bytes;
} tio_checksum_range;

/* The kernel's blocks have so many threads, one dimension. */
#define TIO_CHECKSUM_THREADS 256u

/* 2^64 divided by the golden ratio: the numbers of neighbouring words get far apart. */
#define TIO_CHECKSUM_STEP 0x9E3779B97F4A7C15ull

/* SplitMix64's finalizer, a bijection: https://prng.di.unimi.it/splitmix64.c. */
TIO_CHECKSUM_INLINE tio_checksum_word tio_checksum_mix(tio_checksum_word value) {
    value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9ull;
    value = (value ^ (value >> 27)) * 0x94D049BB133111EBull;
    return value ^ (value >> 31);
}

TIO_CHECKSUM_INLINE tio_checksum_word tio_checksum_term(tio_checksum_word word, tio_checksum_word index) {
    return tio_checksum_mix(word + (index + 1) * TIO_CHECKSUM_STEP);
}

TIO_CHECKSUM_INLINE tio_checksum_word tio_checksum_load(const unsigned char* memory, unsigned bytes) {
    tio_checksum_word word = 0;
    for (unsigned i = 0; i < bytes; ++i) word |= (tio_checksum_word)memory[i] << (8 * i);
    return word;
}

TIO_CHECKSUM_INLINE tio_checksum_word tio_checksum_load_aligned(const unsigned char* memory,
                                                                tio_checksum_word index) {
    tio_checksum_word word;
    __builtin_memcpy(&word, __builtin_assume_aligned(memory + 8 * index, 8), 8);
    return word;
}

/* The sum over the words first, first + step, ... of the range; first < step. */
TIO_CHECKSUM_INLINE tio_checksum_word tio_checksum_of_words(const unsigned char* memory,
                                                            tio_checksum_word bytes, tio_checksum_word first,
                                                            tio_checksum_word step) {
    const tio_checksum_word whole = bytes / 8;
    const unsigned rest = (unsigned)(bytes % 8);
    tio_checksum_word sum = 0;
    if (((__UINTPTR_TYPE__)memory & 7) == 0) {
        tio_checksum_word i = first;
        /* Four loads on their way at once: a GPU's memory is far from each thread. */
        for (; i + 3 * step < whole; i += 4 * step) {
            const tio_checksum_word a = tio_checksum_load_aligned(memory, i);
            const tio_checksum_word b = tio_checksum_load_aligned(memory, i + step);
            const tio_checksum_word c = tio_checksum_load_aligned(memory, i + 2 * step);
            const tio_checksum_word d = tio_checksum_load_aligned(memory, i + 3 * step);
            sum += tio_checksum_term(a, i) + tio_checksum_term(b, i + step);
            sum += tio_checksum_term(c, i + 2 * step) + tio_checksum_term(d, i + 3 * step);
        }
        for (; i < whole; i += step) sum += tio_checksum_term(tio_checksum_load_aligned(memory, i), i);
    } else {
        for (tio_checksum_word i = first; i < whole; i += step)
            sum += tio_checksum_term(tio_checksum_load(memory + 8 * i, 8), i);
    }
    if (rest != 0 && whole % step == first)
        sum += tio_checksum_term(tio_checksum_load(memory + 8 * whole, rest), whole);
    return sum;
}

/* From the sum over all words. With the same length and seed a bijection of the sum. */
TIO_CHECKSUM_INLINE tio_checksum_word tio_checksum_finish(tio_checksum_word sum, tio_checksum_word bytes,
                                                          tio_checksum_word seed) {
    return tio_checksum_mix(tio_checksum_mix(sum + tio_checksum_mix(seed)) + bytes * TIO_CHECKSUM_STEP);
}

#ifdef __cplusplus
}
#endif
#endif
