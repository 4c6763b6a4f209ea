// Memory of a device that the shim allocates, and copies that are waited for, over the stand-in.
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "compute_stream.h"
#include "cuda/gpu.h"
#include "fences.h"
#include "staged_queue.h"

using namespace tio::gds;
using namespace tio::gds::testing;

namespace {

constexpr size_t bytes = 100'001;

class DeviceAllocation : public StagedTest {
  protected:
    static void expect(tio_status expected, tio_status status, const std::string& named) {
        EXPECT_EQ(expected, status);
        EXPECT_NE(std::string::npos, last_error_text().find(named)) << last_error_text();
    }
    static void expect_invalid(tio_status status, const std::string& named) {
        expect(TIO_E_INVALID, status, named);
    }
    static void* allocate(const OpenGpu& gpu, size_t size = bytes) {
        void* memory = nullptr;
        EXPECT_EQ(TIO_OK, tio_gds_device_alloc(gpu.get(), size, &memory)) << last_error_text();
        return memory;
    }
    static void free(const OpenGpu& gpu, void* memory) {
        EXPECT_EQ(TIO_OK, tio_gds_device_free(gpu.get(), memory)) << last_error_text();
    }
    static char* view(void* memory) {
        return static_cast<char*>(tio_standin_cuda_host_view(reinterpret_cast<uint64_t>(memory)));
    }
};

}  // namespace

TEST_F(StagedTest, ADeviceIsDescribedWithoutBeingOpened) {
    char text[64] = "";
    EXPECT_EQ(TIO_OK, tio_gds_device_describe(0, text, sizeof(text))) << last_error_text();
    EXPECT_STREQ("stand-in (no GPU) at 0000:3b:00.0", text);
    EXPECT_EQ(TIO_OK, tio_gds_device_describe(0, text, 9));
    EXPECT_STREQ("stand-in", text);
    EXPECT_EQ(TIO_E_DEVICE, tio_gds_device_describe(7, text, sizeof(text)));
    EXPECT_NE(std::string::npos, last_error_text().find("CUDA_ERROR_INVALID_DEVICE")) << last_error_text();
    EXPECT_EQ(TIO_E_INVALID, tio_gds_device_describe(0, nullptr, 0));
}

TEST_F(DeviceAllocation, IsThereUntilItIsFreed) {
    const OpenGpu gpu;
    void* first = allocate(gpu);
    void* second = allocate(gpu);
    EXPECT_EQ(2u, session_.counts().device_allocations);
    EXPECT_EQ(2 * bytes, session_.counts().device_bytes);
    free(gpu, second);
    EXPECT_EQ(bytes, session_.counts().device_bytes);
    free(gpu, first);
    free(gpu, nullptr);
    EXPECT_EQ(0u, session_.counts().device_allocations);
}

TEST_F(DeviceAllocation, TakesBytesFromPageableMemoryAndGivesThemBack) {
    const OpenGpu gpu;
    void* memory = allocate(gpu);
    std::vector<char> sent(bytes, 's');
    std::vector<char> received(bytes, 'r');
    ASSERT_TIO_OK(tio_gds_device_copy(gpu.get(), memory, sent.data(), bytes, TIO_COPY_TO_DEVICE));
    // They have arrived, and are not only staged.
    EXPECT_EQ(std::string(bytes, 's'), std::string(view(memory), bytes));
    ASSERT_TIO_OK(tio_gds_device_copy(gpu.get(), received.data(), memory, bytes, TIO_COPY_TO_HOST));
    EXPECT_EQ(sent, received);
    free(gpu, memory);
}

TEST_F(DeviceAllocation, IsCopiedBehindTheKernelsOfTheDefaultStream) {
    const OpenGpu gpu;
    void* memory = allocate(gpu, 16);
    char* seen = view(memory);
    *seen = 'a';
    session_.hold(nullptr);
    ASSERT_EQ(0, tio_standin_cuda_launch(
                     nullptr, [](void* to) { *static_cast<char*>(to) = 'b'; }, seen));
    std::thread opener([this] {
        while (tio_standin_cuda_calls("cuMemcpyDtoH") == 0) std::this_thread::yield();
        session_.let_go();
    });
    char received = 0;
    EXPECT_EQ(TIO_OK, tio_gds_device_copy(gpu.get(), &received, memory, 1, TIO_COPY_TO_HOST));
    opener.join();
    EXPECT_EQ('b', received);
    free(gpu, memory);
}

TEST_F(DeviceAllocation, CopiesMemoryOfOtherAllocatorsAndPartsOfIt) {
    const OpenGpu gpu;
    const DeviceMemory foreign(8192);
    const char sent[] = "middle";
    char received[sizeof(sent)] = "";
    ASSERT_TIO_OK(
        tio_gds_device_copy(gpu.get(), foreign.get() + 100, sent, sizeof(sent), TIO_COPY_TO_DEVICE));
    ASSERT_TIO_OK(
        tio_gds_device_copy(gpu.get(), received, foreign.get() + 100, sizeof(sent), TIO_COPY_TO_HOST));
    EXPECT_STREQ(sent, received);
    EXPECT_EQ(TIO_OK, tio_gds_device_copy(gpu.get(), received, foreign.get(), 0, TIO_COPY_TO_HOST));
}

TEST_F(DeviceAllocation, KeepsItsDeviceOpen) {
    OpenGpu gpu;
    void* memory = allocate(gpu);
    expect_invalid(tio_gds_gpu_close(gpu.get()), "1 allocations on the device are not freed");
    free(gpu, memory);
    gpu.close();
}

TEST_F(DeviceAllocation, IsFreedByTheDeviceThatMadeItAndOnlyOnce) {
    const OpenGpu gpu;
    const OpenGpu other;
    void* memory = allocate(gpu);
    expect_invalid(tio_gds_device_free(other.get(), memory), "was not allocated on this device");
    free(gpu, memory);
    expect_invalid(tio_gds_device_free(gpu.get(), memory), "is freed already");
}

TEST_F(DeviceAllocation, RefusesWrongArguments) {
    const OpenGpu gpu;
    void* memory = &memory;
    char host = 0;
    expect_invalid(tio_gds_device_alloc(nullptr, bytes, &memory), "gpu is NULL");
    expect_invalid(tio_gds_device_alloc(gpu.get(), bytes, nullptr), "memory is NULL");
    expect_invalid(tio_gds_device_alloc(gpu.get(), 0, &memory), "bytes is 0");
    EXPECT_EQ(nullptr, memory);
    expect_invalid(tio_gds_device_free(nullptr, &host), "gpu is NULL");
    expect_invalid(tio_gds_device_copy(nullptr, &host, &host, 1, TIO_COPY_TO_HOST), "gpu is NULL");
    expect_invalid(tio_gds_device_copy(gpu.get(), nullptr, &host, 1, TIO_COPY_TO_HOST), "to is NULL");
    expect_invalid(tio_gds_device_copy(gpu.get(), &host, nullptr, 1, TIO_COPY_TO_HOST), "from is NULL");
    expect_invalid(tio_gds_device_copy(gpu.get(), &host, &host, 1, 2), "direction is 2");
}

TEST_F(DeviceAllocation, ThatTheDeviceHasNoRoomForIsOutOfMemory) {
    const OpenGpu gpu;
    void* memory = &memory;
    tio_standin_cuda_fail_call("cuMemAlloc", 1, cuda::error_out_of_memory);
    expect(TIO_E_NOMEM, tio_gds_device_alloc(gpu.get(), bytes, &memory), "cuMemAlloc of 100001 bytes");
    EXPECT_EQ(nullptr, memory);
}

// Every driver call fails in turn: an error that names it, and the device can be closed all the same.
TEST_F(DeviceAllocation, TurnsFailedCallsIntoErrors) {
    const auto everything = [&]() -> tio_status {
        const OpenGpu gpu;
        std::vector<char> host(bytes);
        void* memory = nullptr;
        tio_status status = tio_gds_device_alloc(gpu.get(), bytes, &memory);
        if (status == TIO_OK)
            status = tio_gds_device_copy(gpu.get(), memory, host.data(), bytes, TIO_COPY_TO_DEVICE);
        if (status == TIO_OK)
            status = tio_gds_device_copy(gpu.get(), host.data(), memory, bytes, TIO_COPY_TO_HOST);
        const std::string text = last_error_text();
        const tio_status freed = tio_gds_device_free(gpu.get(), memory);
        if (status == TIO_OK) return freed;
        EXPECT_EQ(TIO_OK, freed);
        EXPECT_NE(std::string::npos, text.find("CUDA_ERROR_LAUNCH_FAILED (719)")) << text;
        return status;
    };
    for (const char* call : {"cuMemAlloc", "cuMemcpyHtoD", "cuStreamSynchronize", "cuMemcpyDtoH"}) {
        tio_standin_cuda_fail_call(call, 1, cuda::error_launch_failed);
        EXPECT_EQ(TIO_E_DEVICE, everything()) << call;
        EXPECT_EQ(0u, session_.counts().device_allocations) << call;
    }
    EXPECT_EQ(TIO_OK, everything()) << last_error_text();
}

TEST_F(DeviceAllocation, ThatTheDriverDoesNotFreeIsOffTheBooksAllTheSame) {
    OpenGpu gpu;
    void* memory = allocate(gpu);
    tio_standin_cuda_fail_call("cuMemFree", 1, cuda::error_launch_failed);
    expect(TIO_E_DEVICE, tio_gds_device_free(gpu.get(), memory), "cuMemFree: CUDA_ERROR_LAUNCH_FAILED");
    // What a real driver would lose with its context, the stand-in still has.
    {
        const cuda::PrimaryContext context(cuda::Driver::shared(), 0);
        const cuda::CurrentContext current(context);
        EXPECT_EQ(cuda::success, context.driver().memory_free(reinterpret_cast<uint64_t>(memory)));
    }
    gpu.close();
}

TEST_F(DeviceAllocation, OfALostDeviceFailsInsteadOfHanging) {
    OpenGpu gpu;
    void* memory = allocate(gpu, 16);
    char host[16] = {};
    session_.hold(nullptr);
    std::thread loser([] {
        while (tio_standin_cuda_calls("cuMemcpyDtoH") == 0) std::this_thread::yield();
        tio_standin_cuda_lose_device(cuda::error_illegal_address);
    });
    expect(TIO_E_DEVICE, tio_gds_device_copy(gpu.get(), host, memory, 16, TIO_COPY_TO_HOST),
           "CUDA_ERROR_ILLEGAL_ADDRESS (700)");
    loser.join();
    session_.let_go();
    tio_standin_cuda_lose_device(cuda::success);
    free(gpu, memory);
}
