// Memory and contents for transfers.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <vector>

namespace tio::gds::testing {

struct Free {
    void operator()(char* memory) const { std::free(memory); }
};
using AlignedMemory = std::unique_ptr<char[], Free>;

inline AlignedMemory aligned_memory(size_t bytes) {
    const size_t rounded = (bytes + 4095) / 4096 * 4096;
    auto* memory = static_cast<char*>(std::aligned_alloc(4096, rounded));
    for (size_t i = 0; i < rounded; ++i) memory[i] = 0;
    return AlignedMemory(memory);
}

// Bytes that differ with position and seed, so that a block in the wrong place shows.
inline char pattern_at(uint64_t position, uint64_t seed) {
    uint64_t x = (position / 8 + 1) * 0x9E3779B97F4A7C15u + seed * 0xBF58476D1CE4E5B9u;
    x ^= x >> 29;
    return static_cast<char>(x >> (position % 8 * 8));
}

inline std::vector<char> pattern(size_t bytes, uint64_t seed) {
    std::vector<char> result(bytes);
    for (size_t i = 0; i < bytes; ++i) result[i] = pattern_at(i, seed);
    return result;
}

}  // namespace tio::gds::testing
