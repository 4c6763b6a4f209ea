#include "cuda/checksums.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

namespace tio::gds::cuda {

namespace {

tio_gds_memory_range range_of(DevicePointer memory, uint64_t bytes, uint64_t seed) {
    return {reinterpret_cast<const void*>(memory), bytes, seed};
}

// Memory of the device for the time of a scope.
class ProofMemory {
  public:
    ProofMemory(DeviceMemory& device, const std::vector<unsigned char>& content)
        : device_(device), pointer_(device.allocate(content.size())) {
        try {
            device_.copy_to_device(pointer_, content.data(), content.size());
        } catch (...) {
            free();
            throw;
        }
    }
    ~ProofMemory() { free(); }
    ProofMemory(const ProofMemory&) = delete;
    ProofMemory& operator=(const ProofMemory&) = delete;
    DevicePointer get() const noexcept { return pointer_; }

  private:
    void free() noexcept {
        try {
            device_.free(pointer_);
        } catch (const Failure&) {
            // A lost device has lost it too.
        }
    }

    DeviceMemory& device_;
    const DevicePointer pointer_;
};

}  // namespace

// A lane for the time of a scope.
class Checksums::Rented {
  public:
    explicit Rented(Checksums& owner) : owner_(owner) {
        {
            const std::lock_guard<std::mutex> lock(owner.mutex_);
            if (!owner.idle_.empty()) {
                lane_ = std::move(owner.idle_.back());
                owner.idle_.pop_back();
            }
        }
        if (lane_ != nullptr) return;
        lane_ = std::make_unique<ChecksumLane>(*owner.kernel_);
        const std::lock_guard<std::mutex> lock(owner.mutex_);
        owner.idle_.reserve(++owner.lanes_);  // so that giving it back cannot fail
    }
    ~Rented() {
        const std::lock_guard<std::mutex> lock(owner_.mutex_);
        owner_.idle_.push_back(std::move(lane_));
    }
    Rented(const Rented&) = delete;
    Rented& operator=(const Rented&) = delete;
    ChecksumLane& operator*() const noexcept { return *lane_; }

  private:
    Checksums& owner_;
    std::unique_ptr<ChecksumLane> lane_;
};

Checksums::Checksums(Gpu& gpu) : gpu_(gpu) {
    const CurrentContext current(gpu.context_);
    try {
        kernel_ = std::make_unique<ChecksumKernel>(gpu.driver_);
        // Ahead, not when callers meet: pinning memory may wait for the device, and a stream of it for us.
        idle_.reserve(lanes_ahead);
        for (; lanes_ < lanes_ahead; ++lanes_) idle_.push_back(std::make_unique<ChecksumLane>(*kernel_));
        prove();
    } catch (const Failure& failure) {
        idle_.clear();
        kernel_.reset();
        throw Failure(TIO_E_UNSUPPORTED, failure.what());
    }
    ++gpu_.checksums_;
}

Checksums::~Checksums() {
    try {
        const CurrentContext current(gpu_.context_);
        idle_.clear();
        kernel_.reset();
    } catch (const Failure&) {
        // A lost device: what is left goes with the members, as far as the driver still takes it.
    }
    --gpu_.checksums_;
}

void Checksums::compute(std::span<const tio_gds_memory_range> ranges, uint64_t* checksums) {
    const CurrentContext current(gpu_.context_);
    const Rented lane(*this);
    tio_checksum_range batch[ChecksumLane::most_ranges];
    for (size_t begin = 0; begin < ranges.size(); begin += std::size(batch)) {
        const auto part = ranges.subspan(begin, std::min(ranges.size() - begin, std::size(batch)));
        for (size_t i = 0; i < part.size(); ++i)
            batch[i] = {reinterpret_cast<uintptr_t>(part[i].memory), part[i].bytes};
        (*lane).run({batch, part.size()}, checksums + begin);
        for (size_t i = 0; i < part.size(); ++i)
            checksums[begin + i] = tio_checksum_finish(checksums[begin + i], part[i].bytes, part[i].seed);
    }
}

uint64_t Checksums::of_host(const void* memory, uint64_t bytes, uint64_t seed) noexcept {
    return tio_checksum_finish(tio_checksum_of_words(static_cast<const unsigned char*>(memory), bytes, 0, 1),
                               bytes, seed);
}

// This also has the driver load what it loads with a kernel's first launch, while no stream of the session
// waits for a word in memory yet: loading may wait for the device.
void Checksums::prove() {
    constexpr uint64_t lengths[] = {0, 1, 7, 8, 9, 2047, 2048, 65'541, 524'288, (uint64_t{3} << 20) + 13};
    constexpr uint64_t offsets[] = {0, 8, 1, 13};
    std::vector<unsigned char> content(std::end(lengths)[-1] + std::end(offsets)[-1]);
    for (size_t i = 0; i < content.size(); ++i)
        content[i] = static_cast<unsigned char>(tio_checksum_mix(i + 1) & 0xFF);
    const ProofMemory memory(gpu_.memory_, content);
    std::vector<tio_gds_memory_range> ranges;
    for (const uint64_t length : lengths)
        for (const uint64_t offset : offsets)
            ranges.push_back(range_of(memory.get() + offset, length, ranges.size()));
    std::vector<uint64_t> found(ranges.size());
    compute(ranges, found.data());
    for (size_t i = 0; i < ranges.size(); ++i) {
        const uint64_t offset = reinterpret_cast<uintptr_t>(ranges[i].memory) - memory.get();
        if (found[i] == of_host(content.data() + offset, ranges[i].bytes, ranges[i].seed)) continue;
        throw Failure(TIO_E_UNSUPPORTED, "the checksum kernel gives another result than the CPU for " +
                                             std::to_string(ranges[i].bytes) + " bytes at offset " +
                                             std::to_string(offset) + " of a known pattern");
    }
}

}  // namespace tio::gds::cuda
