// Checksums of device memory, over the stand-in, which runs the kernel's C source: loading, the proof, order
// and errors. What the PTX computes is in unit/checksum_kernel_test.cpp.
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <thread>
#include <vector>

#include "cuda/checksum_kernel.h"
#include "fences.h"
#include "staged_queue.h"

using namespace tio::gds;
using namespace tio::gds::testing;

namespace {

class OpenChecksums {
  public:
    explicit OpenChecksums(const OpenGpu& gpu) {
        EXPECT_EQ(TIO_OK, tio_gds_checksums_create(gpu.get(), &handle_)) << last_error_text();
    }
    ~OpenChecksums() { EXPECT_EQ(TIO_OK, tio_gds_checksums_destroy(handle_)); }
    OpenChecksums(const OpenChecksums&) = delete;
    OpenChecksums& operator=(const OpenChecksums&) = delete;

    tio_gds_checksums* get() const { return handle_; }
    uint64_t of(const void* memory, uint64_t bytes, uint64_t seed = 1) const {
        const tio_gds_memory_range range{memory, bytes, seed};
        uint64_t found = 0;
        EXPECT_EQ(TIO_OK, tio_gds_checksums_compute(handle_, &range, 1, &found)) << last_error_text();
        return found;
    }

  private:
    tio_gds_checksums* handle_ = nullptr;
};

class ChecksumsOfDevice : public StagedTest {
  protected:
    static void fill(const DeviceMemory& memory, size_t bytes) {
        std::mt19937 random(11);
        for (size_t i = 0; i < bytes; ++i) memory.view()[i] = static_cast<char>(random());
    }
    static void expect_refused(const OpenGpu& gpu, const std::string& named) {
        tio_gds_checksums* checksums = nullptr;
        EXPECT_EQ(TIO_E_UNSUPPORTED, tio_gds_checksums_create(gpu.get(), &checksums));
        EXPECT_EQ(nullptr, checksums);
        EXPECT_NE(std::string::npos, last_error_text().find(named)) << last_error_text();
    }
};

}  // namespace

TEST_F(ChecksumsOfDevice, AreThoseOfTheHost) {
    constexpr size_t bytes = 5 << 20;
    const OpenGpu gpu;
    const OpenChecksums checksums(gpu);
    const DeviceMemory memory(bytes);
    fill(memory, bytes);
    for (const size_t length : {size_t{0}, size_t{1}, size_t{4095}, size_t{1} << 20, bytes - 3})
        for (const size_t offset : {0u, 1u, 2u})
            EXPECT_EQ(tio_gds_checksum_of_host(memory.view() + offset, length, length),
                      checksums.of(memory.get() + offset, length, length))
                << length << " at " << offset;
}

TEST_F(ChecksumsOfDevice, TakeManyRangesWithFewLaunches) {
    constexpr size_t bytes = 4096;
    constexpr uint32_t count = 150;
    const OpenGpu gpu;
    const OpenChecksums checksums(gpu);
    const DeviceMemory memory(bytes + count);
    fill(memory, bytes + count);
    std::vector<tio_gds_memory_range> ranges;
    for (uint32_t i = 0; i < count; ++i) ranges.push_back({memory.get() + i, bytes - 7 * i % 5, i});
    std::vector<uint64_t> found(count);
    const uint64_t before = tio_standin_cuda_calls("cuLaunchKernel");
    ASSERT_TIO_OK(tio_gds_checksums_compute(checksums.get(), ranges.data(), count, found.data()));
    EXPECT_EQ(before + 3, tio_standin_cuda_calls("cuLaunchKernel"));
    for (uint32_t i = 0; i < count; ++i)
        EXPECT_EQ(tio_gds_checksum_of_host(memory.view() + i, ranges[i].bytes, i), found[i]) << i;
}

TEST_F(ChecksumsOfDevice, WaitForNoOtherStream) {
    const OpenGpu gpu;
    const OpenChecksums checksums(gpu);
    const DeviceMemory memory(4096);
    session_.hold(nullptr);
    EXPECT_EQ(tio_gds_checksum_of_host(memory.view(), 4096, 1), checksums.of(memory.get(), 4096));
    session_.let_go();
}

TEST_F(ChecksumsOfDevice, OfSeveralThreadsRunBesideEachOther) {
    constexpr size_t bytes = 100'000;
    const OpenGpu gpu;
    const OpenChecksums checksums(gpu);
    const DeviceMemory memory(bytes);
    fill(memory, bytes);
    std::vector<std::thread> threads;
    for (uint64_t seed = 0; seed < 4; ++seed)
        threads.emplace_back([&, seed] {
            for (int round = 0; round < 20; ++round)
                EXPECT_EQ(tio_gds_checksum_of_host(memory.view(), bytes, seed),
                          checksums.of(memory.get(), bytes, seed));
        });
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(session_.counts().streams, 8u) << "as many as were made ahead: none while callers met";
}

TEST_F(ChecksumsOfDevice, AreRefusedWhereTheKernelComputesSomethingElse) {
    const OpenGpu gpu;
    tio_standin_cuda_spoil_kernel(1);
    expect_refused(gpu, "another result than the CPU for 3145741 bytes at offset 13");
}

TEST_F(ChecksumsOfDevice, AreRefusedWithTheCompilersWords) {
    const OpenGpu gpu;
    tio_standin_cuda_fail_call("cuModuleLoadDataEx", 1, cuda::error_invalid_ptx);
    expect_refused(gpu, "CUDA_ERROR_INVALID_PTX (218)");
    tio_standin_cuda_fail_call("cuModuleLoadDataEx", 1, cuda::error_invalid_ptx);
    expect_refused(gpu, "the compiler says: stand-in: the test wants it refused");
}

TEST_F(ChecksumsOfDevice, AreRefusedWhateverFailsAndNothingStaysBehind) {
    const OpenGpu gpu;
    for (const char* call : {"cuModuleGetFunction", "cuLaunchKernel", "cuMemAlloc", "cuMemcpyHtoD",
                             "cuStreamCreate", "cuEventCreate", "cuEventRecord", "cuEventSynchronize",
                             "cuMemHostRegister", "cuMemHostGetDevicePointer"}) {
        tio_standin_cuda_fail_call(call, 1, cuda::error_launch_failed);
        expect_refused(gpu, "CUDA_ERROR_LAUNCH_FAILED");
        const auto left = session_.counts();
        EXPECT_EQ(0u,
                  left.modules + left.streams + left.events + left.pinned_ranges + left.device_allocations)
            << call;
    }
    // And none of it is remembered.
    const OpenChecksums checksums(gpu);
}

TEST_F(ChecksumsOfDevice, FailAsTheDriverDoesAndGoOn) {
    const OpenGpu gpu;
    const OpenChecksums checksums(gpu);
    const DeviceMemory memory(4096);
    const tio_gds_memory_range range{memory.get(), 4096, 1};
    uint64_t found = 0;
    for (const char* call : {"cuLaunchKernel", "cuEventRecord", "cuEventSynchronize"}) {
        tio_standin_cuda_fail_call(call, 1, cuda::error_launch_failed);
        EXPECT_EQ(TIO_E_DEVICE, tio_gds_checksums_compute(checksums.get(), &range, 1, &found));
        EXPECT_NE(std::string::npos, last_error_text().find("CUDA_ERROR_LAUNCH_FAILED")) << last_error_text();
    }
    EXPECT_EQ(tio_gds_checksum_of_host(memory.view(), 4096, 1), checksums.of(memory.get(), 4096));
}

TEST_F(ChecksumsOfDevice, KeepTheirDeviceOpen) {
    OpenGpu gpu;
    {
        const OpenChecksums checksums(gpu);
        EXPECT_EQ(TIO_E_INVALID, tio_gds_gpu_close(gpu.get()));
        EXPECT_NE(std::string::npos, last_error_text().find("1 objects for checksums")) << last_error_text();
    }
    gpu.close();
}

TEST_F(ChecksumsOfDevice, RefuseWrongArguments) {
    const OpenGpu gpu;
    const OpenChecksums checksums(gpu);
    const tio_gds_memory_range range{};
    uint64_t found = 0;
    tio_gds_checksums* made = nullptr;
    EXPECT_EQ(TIO_E_INVALID, tio_gds_checksums_create(nullptr, &made));
    EXPECT_EQ(TIO_E_INVALID, tio_gds_checksums_create(gpu.get(), nullptr));
    EXPECT_EQ(TIO_E_INVALID, tio_gds_checksums_compute(nullptr, &range, 1, &found));
    EXPECT_EQ(TIO_E_INVALID, tio_gds_checksums_compute(checksums.get(), nullptr, 1, &found));
    EXPECT_EQ(TIO_E_INVALID, tio_gds_checksums_compute(checksums.get(), &range, 1, nullptr));
    EXPECT_EQ(TIO_OK, tio_gds_checksums_compute(checksums.get(), nullptr, 0, nullptr));
    EXPECT_EQ(TIO_OK, tio_gds_checksums_destroy(nullptr));
}

TEST_F(ChecksumsOfDevice, EndWithALostDevice) {
    OpenGpu gpu;
    tio_gds_checksums* checksums = nullptr;
    ASSERT_TIO_OK(tio_gds_checksums_create(gpu.get(), &checksums));
    const DeviceMemory memory(4096);
    tio_standin_cuda_lose_device(cuda::error_illegal_address);
    const tio_gds_memory_range range{memory.get(), 4096, 1};
    uint64_t found = 0;
    EXPECT_EQ(TIO_E_DEVICE, tio_gds_checksums_compute(checksums, &range, 1, &found));
    tio_standin_cuda_lose_device(0);
    EXPECT_EQ(TIO_OK, tio_gds_checksums_destroy(checksums));
}
