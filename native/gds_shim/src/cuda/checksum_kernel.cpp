#include "cuda/checksum_kernel.h"

#include <algorithm>
#include <cstring>
#include <string>

namespace tio::gds::cuda {

ChecksumKernel::ChecksumKernel(const Driver& driver) : driver_(driver) {
    char log[2048] = "";
    int options[] = {jit_error_log_buffer, jit_error_log_buffer_bytes};
    // The second one's value takes the place of the pointer.
    void* values[] = {log, reinterpret_cast<void*>(sizeof(log))};
    const Result loaded =
        driver.module_load_data(&module_, checksum_ptx, std::size(options), options, values);
    if (loaded != success) {
        log[sizeof(log) - 1] = '\0';
        driver.check(loaded,
                     (std::string("cuModuleLoadDataEx of the checksum kernel") +
                      (log[0] != '\0' ? std::string(" (the compiler says: ") + log + ")" : std::string()))
                         .c_str());
    }
    const Result found = driver.module_get_function(&function_, module_, "tio_checksum");
    if (found != success) driver.module_unload(module_);
    driver.check(found, "cuModuleGetFunction of the checksum kernel");
}

ChecksumKernel::~ChecksumKernel() {
    driver_.module_unload(module_);
}

Result ChecksumKernel::launch(Stream stream, uint32_t blocks, uint32_t range_count, DevicePointer ranges,
                              DevicePointer sums) const noexcept {
    void* parameters[] = {&ranges, &sums};
    return driver_.launch_kernel(function_, blocks, range_count, 1, TIO_CHECKSUM_THREADS, 1, 1, 0, stream,
                                 parameters, nullptr);
}

ChecksumLane::ChecksumLane(const ChecksumKernel& kernel)
    : kernel_(kernel),
      stream_(kernel.driver()),
      event_(kernel.driver()),
      page_(kernel.driver(), PinnedMapping::Shape{page_bytes}, "mapping a page for checksums",
            "cuMemHostRegister of a page for checksums") {
    kernel.driver().check(kernel.driver().host_device_pointer(&page_address_, page_.base(), 0),
                          "cuMemHostGetDevicePointer");
}

uint32_t ChecksumLane::blocks_for(std::span<const tio_checksum_range> ranges) noexcept {
    uint64_t largest = 0;
    for (const tio_checksum_range& range : ranges) largest = std::max<uint64_t>(largest, range.bytes);
    return static_cast<uint32_t>(
        std::clamp<uint64_t>((largest + block_bytes - 1) / block_bytes, 1, most_blocks));
}

void ChecksumLane::run(std::span<const tio_checksum_range> ranges, uint64_t* sums) {
    const Driver& driver = kernel_.driver();
    constexpr size_t sums_offset = most_ranges * sizeof(tio_checksum_range);
    std::memcpy(page_.base(), ranges.data(), ranges.size_bytes());
    const uint32_t blocks = blocks_for(ranges);
    driver.check(kernel_.launch(stream_.get(), blocks, static_cast<uint32_t>(ranges.size()), page_address_,
                                page_address_ + sums_offset),
                 "cuLaunchKernel of the checksum kernel");
    Result ended = driver.event_record(event_.get(), stream_.get());
    if (ended == success) ended = driver.event_synchronize(event_.get());
    // Whatever the reason, the kernel must be over when the page is used again; where this fails as well, the
    // context is lost and nothing runs in it any more.
    if (ended != success) driver.stream_synchronize(stream_.get());
    driver.check(ended, "the checksum kernel");
    const auto* parts = reinterpret_cast<const tio_checksum_word*>(page_.base() + sums_offset);
    for (size_t range = 0; range < ranges.size(); ++range) {
        sums[range] = 0;
        for (uint32_t block = 0; block < blocks; ++block) sums[range] += parts[range * blocks + block];
    }
}

}  // namespace tio::gds::cuda
