#include "modules.h"

#include "checksum.h"
#include "machine.h"

namespace tio::standin {

namespace {

template <typename Value>
Value parameter(const Launch& launch, int number) {
    return *static_cast<const Value*>(launch.parameters[number]);
}

// One block's threads take turns word by word, which goes through memory in its order.
tio_checksum_word part_of(const unsigned char* memory, uint64_t bytes, uint64_t block, uint64_t blocks) {
    const uint64_t step = blocks * TIO_CHECKSUM_THREADS;
    tio_checksum_word sum = 0;
    for (uint64_t begin = block * TIO_CHECKSUM_THREADS; begin * 8 < bytes; begin += step) {
        for (uint64_t i = begin; i < begin + TIO_CHECKSUM_THREADS && i * 8 < bytes; ++i) {
            const uint64_t left = bytes - i * 8;
            const unsigned length = left < 8 ? static_cast<unsigned>(left) : 8u;
            sum += tio_checksum_term(tio_checksum_load(memory + i * 8, length), i);
        }
    }
    return sum;
}

// What was freed since the launch is the mistake that this is for.
bool is_there(const tio_checksum_range& range) {
    const std::lock_guard<std::mutex> lock(machine().mutex);
    if (range.bytes == 0 || machine().is_device(range.memory, range.bytes)) return true;
    machine().report("the checksum kernel reads device memory that is not allocated");
    return false;
}

bool spoil_this_one() {
    const std::lock_guard<std::mutex> lock(machine().mutex);
    return machine().spoiled_kernel != 0 && --machine().spoiled_kernel == 0;
}

std::function<void()> prepare_checksum(const Launch& launch) {
    Machine& m = machine();
    const auto ranges = parameter<uint64_t>(launch, 0);
    const auto sums = parameter<uint64_t>(launch, 1);
    const uint64_t blocks = launch.grid[0];
    const uint64_t count = launch.grid[1];
    const bool good_shape = blocks > 0 && count > 0 && launch.grid[2] == 1 &&
                            launch.block[0] == TIO_CHECKSUM_THREADS && launch.block[1] == 1 &&
                            launch.block[2] == 1 && launch.shared_bytes == 0;
    if (!good_shape ||
        !m.is_pinned(reinterpret_cast<const void*>(ranges), count * sizeof(tio_checksum_range)) ||
        !m.is_pinned(reinterpret_cast<const void*>(sums), count * blocks * sizeof(tio_checksum_word))) {
        m.report("the checksum kernel is launched with a wrong grid, or with memory that is not pinned");
        return {};
    }
    return [ranges, sums, blocks, count] {
        const bool spoil = spoil_this_one();
        for (uint64_t number = 0; number < count; ++number) {
            const auto& range = reinterpret_cast<const tio_checksum_range*>(ranges)[number];
            if (!is_there(range)) return;
            const auto* memory = static_cast<const unsigned char*>(tio_standin_cuda_host_view(range.memory));
            auto* parts = reinterpret_cast<tio_checksum_word*>(sums) + number * blocks;
            for (uint64_t block = 0; block < blocks; ++block)
                parts[block] = part_of(memory, range.bytes, block, blocks);
            if (spoil && number == count - 1) parts[0] ^= 1;
        }
    };
}

constexpr Kernel kernels[] = {{"tio_checksum", &prepare_checksum}};

}  // namespace

const Kernel* find_kernel(const std::string& name) {
    for (const Kernel& kernel : kernels)
        if (name == kernel.name) return &kernel;
    return nullptr;
}

}  // namespace tio::standin
