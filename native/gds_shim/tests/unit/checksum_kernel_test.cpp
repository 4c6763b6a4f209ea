// The checksum itself, and the PTX that is in the library: it is run, instruction by instruction, on the CPU.
#include "cuda/checksum_kernel.h"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <utility>
#include <vector>

#include "ptx_interpreter.h"
#include "tio_gds.h"

using namespace tio::gds;
using namespace tio::gds::testing;

namespace {

std::vector<unsigned char> random_bytes(size_t count) {
    std::mt19937 random(7);
    std::vector<unsigned char> bytes(count);
    for (unsigned char& byte : bytes) byte = static_cast<unsigned char>(random());
    return bytes;
}

uint64_t checksum(const std::vector<unsigned char>& bytes, uint64_t seed = 1) {
    return tio_gds_checksum_of_host(bytes.data(), bytes.size(), seed);
}

}  // namespace

TEST(Checksum, ChangesWithAnyBit) {
    std::vector<unsigned char> bytes = random_bytes(61);
    std::set<uint64_t> seen{checksum(bytes)};
    for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
        bytes[bit / 8] ^= static_cast<unsigned char>(1u << (bit % 8));
        EXPECT_TRUE(seen.insert(checksum(bytes)).second) << "bit " << bit;
        bytes[bit / 8] ^= static_cast<unsigned char>(1u << (bit % 8));
    }
}

TEST(Checksum, ChangesWhenWordsChangePlaces) {
    const std::vector<unsigned char> bytes = random_bytes(4096);
    std::set<uint64_t> seen{checksum(bytes)};
    for (size_t from = 0; from < bytes.size() / 8; from += 37) {
        for (size_t to = from + 1; to < bytes.size() / 8; to += 53) {
            std::vector<unsigned char> swapped = bytes;
            std::swap_ranges(swapped.begin() + static_cast<ptrdiff_t>(from * 8),
                             swapped.begin() + static_cast<ptrdiff_t>(from * 8 + 8),
                             swapped.begin() + static_cast<ptrdiff_t>(to * 8));
            EXPECT_TRUE(seen.insert(checksum(swapped)).second) << from << " and " << to;
        }
    }
}

TEST(Checksum, ChangesWhenBytesAreShifted) {
    const std::vector<unsigned char> bytes = random_bytes(4096);
    std::set<uint64_t> seen{checksum(bytes)};
    for (size_t by = 1; by <= 64; ++by) {
        std::vector<unsigned char> shifted = bytes;
        std::rotate(shifted.begin(), shifted.begin() + static_cast<ptrdiff_t>(by), shifted.end());
        EXPECT_TRUE(seen.insert(checksum(shifted)).second) << by;
    }
}

TEST(Checksum, TellsRunsOfZerosByTheirLength) {
    std::set<uint64_t> seen;
    for (size_t length = 0; length < 5000; ++length)
        EXPECT_TRUE(seen.insert(checksum(std::vector<unsigned char>(length))).second) << length;
}

TEST(Checksum, ChangesWithItsSeed) {
    const std::vector<unsigned char> bytes = random_bytes(100);
    std::set<uint64_t> seen;
    for (uint64_t seed = 0; seed < 1000; ++seed)
        EXPECT_TRUE(seen.insert(checksum(bytes, seed)).second) << seed;
}

TEST(Checksum, IsTheSameAtAnyAddress) {
    std::vector<unsigned char> memory = random_bytes(3000);
    const uint64_t expected = tio_gds_checksum_of_host(memory.data(), 2001, 5);
    for (size_t offset = 1; offset < 9; ++offset) {
        std::memmove(memory.data() + offset, memory.data() + offset - 1, 2001);
        EXPECT_EQ(expected, tio_gds_checksum_of_host(memory.data() + offset, 2001, 5)) << offset;
    }
}

// What the stand-in for libcuda runs is the C source; this is the text that a GPU's driver gets.
TEST(ChecksumPtx, ComputesWhatTheCpuDoes) {
    PtxInterpreter kernel(cuda::checksum_ptx);
    const std::vector<unsigned char> bytes = random_bytes(41'000);
    std::vector<tio_checksum_range> ranges;
    // The longest is more than four words for each thread of two blocks.
    for (const uint64_t length : {0u, 1u, 7u, 9u, 2048u, 2049u, 40'007u})
        for (const uint64_t offset : {0u, 5u})
            ranges.push_back({reinterpret_cast<uintptr_t>(bytes.data()) + offset, length});
    for (const uint32_t blocks : {1u, 2u}) {
        std::vector<tio_checksum_word> parts(ranges.size() * blocks, 0xEEEEEEEEEEEEEEEEull);
        kernel.run(blocks, static_cast<uint32_t>(ranges.size()), TIO_CHECKSUM_THREADS,
                   {reinterpret_cast<uint64_t>(ranges.data()), reinterpret_cast<uint64_t>(parts.data())});
        for (size_t i = 0; i < ranges.size(); ++i) {
            tio_checksum_word sum = 0;
            for (uint32_t block = 0; block < blocks; ++block) sum += parts[i * blocks + block];
            EXPECT_EQ(tio_checksum_of_words(reinterpret_cast<const unsigned char*>(ranges[i].memory),
                                            ranges[i].bytes, 0, 1),
                      sum)
                << ranges[i].bytes << " bytes, " << blocks << " blocks";
        }
    }
}

TEST(ChecksumPtx, IsForEveryGpuThatGpuDirectStorageServes) {
    const std::string text = cuda::checksum_ptx;
    EXPECT_NE(std::string::npos, text.find(".target sm_60\n"));
    EXPECT_NE(std::string::npos, text.find(".version 5.0\n")) << "newer PTX needs newer drivers";
    EXPECT_NE(std::string::npos, text.find(".visible .entry tio_checksum("));
}
