// Opening the CUDA driver, over a stand-in; and that the stand-in notices misuse.
#include <gtest/gtest.h>

#include <cstring>
#include <thread>
#include <vector>

#include "cuda/driver.h"
#include "standin_cuda_session.h"

using namespace tio::gds;
using namespace tio::gds::testing;
using cuda::Driver;

namespace {

template <typename Body>
std::string failure_of(tio_status expected, Body body) {
    try {
        body();
    } catch (const Failure& failure) {
        EXPECT_EQ(expected, failure.status()) << failure.what();
        return failure.what();
    }
    ADD_FAILURE() << "nothing was thrown";
    return "";
}

class CudaDriver : public ::testing::Test {
  protected:
    StandinCudaSession session_;
};

class CudaStandin : public CudaDriver {
  protected:
    Driver driver_{{TIO_STANDIN_CUDA}};
    cuda::PrimaryContext context_{driver_, 0};
    cuda::CurrentContext current_{context_};
};

}  // namespace

TEST_F(CudaDriver, IsTheLibraryThatTheEnvironmentNames) {
    EXPECT_EQ(std::vector<std::string>{TIO_STANDIN_CUDA}, Driver::search_names());
    setenv("TERAIO_CUDA_PATH", "", 1);
    EXPECT_EQ((std::vector<std::string>{"libcuda.so.1", "libcuda.so"}), Driver::search_names());
}

TEST_F(CudaDriver, IsUnsupportedWithWhatToDoWhereNoLibraryIs) {
    const auto text = failure_of(TIO_E_UNSUPPORTED, [] { Driver driver({"/nowhere/libcuda.so.1"}); });
    EXPECT_NE(std::string::npos, text.find("/nowhere/libcuda.so.1")) << text;
    EXPECT_NE(std::string::npos, text.find("TERAIO_CUDA_PATH")) << text;
}

TEST_F(CudaDriver, IsRefusedWithTheMissingSymbolWhenTheLibraryIsAnother) {
    const auto text = failure_of(TIO_E_UNSUPPORTED, [] { Driver driver({"libdl.so.2"}); });
    EXPECT_NE(std::string::npos, text.find("has no cuInit")) << text;
}

TEST_F(CudaDriver, IsUnsupportedWhereItDoesNotInitialise) {
    tio_standin_cuda_set_device_count(0);
    const auto text = failure_of(TIO_E_UNSUPPORTED, [] { Driver driver({TIO_STANDIN_CUDA}); });
    EXPECT_NE(std::string::npos, text.find("CUDA_ERROR_NO_DEVICE (100)")) << text;
}

TEST_F(CudaDriver, OfAnOldReleaseHasNoWaitOnValues) {
    EXPECT_TRUE(Driver({TIO_STANDIN_CUDA}).can_wait_on_values());
    EXPECT_FALSE(Driver({TIO_STANDIN_CUDA_OLD}).can_wait_on_values());
}

TEST_F(CudaDriver, TellsVersionDevicesAndErrorsAsText) {
    const Driver driver({TIO_STANDIN_CUDA});
    tio_standin_cuda_set_device_count(2);
    EXPECT_EQ(12080, driver.version());
    EXPECT_EQ(2, driver.device_count());
    EXPECT_EQ("stand-in (no GPU)", driver.device_name(1));
    EXPECT_EQ("stand-in (no GPU) at 0000:3b:00.0", driver.device_description(1));
    EXPECT_EQ("CUDA_ERROR_OUT_OF_MEMORY (2): out of memory", driver.describe(cuda::error_out_of_memory));
    EXPECT_EQ("CUDA error 4711 (unknown to this driver)", driver.describe(4711));
}

TEST_F(CudaDriver, RefusesADeviceThatIsNotThere) {
    const Driver driver({TIO_STANDIN_CUDA});
    const auto text = failure_of(TIO_E_INVALID, [&] { cuda::PrimaryContext context(driver, 1); });
    EXPECT_NE(std::string::npos, text.find("CUDA device 1")) << text;
}

// Every call that a queue's set-up makes, failing in turn with a code of its own.
TEST_F(CudaDriver, TurnsEveryFailedCallIntoAnErrorThatNamesIt) {
    const Driver driver({TIO_STANDIN_CUDA});
    const auto everything = [&] {
        driver.version();
        driver.device_name(0);
        cuda::PrimaryContext context(driver, 0);
        cuda::CurrentContext current(context);
        driver.pointer_info(1);
    };
    for (const char* call :
         {"cuDriverGetVersion", "cuDeviceGet", "cuDeviceGetName", "cuDeviceGetCount",
          "cuDevicePrimaryCtxRetain", "cuCtxGetCurrent", "cuCtxSetCurrent", "cuPointerGetAttributes"}) {
        tio_standin_cuda_fail_call(call, 1, cuda::error_launch_failed);
        const auto text = failure_of(TIO_E_DEVICE, everything);
        EXPECT_EQ(0u, text.find(call)) << text;
        EXPECT_NE(std::string::npos, text.find("CUDA_ERROR_LAUNCH_FAILED (719)")) << text;
        EXPECT_EQ(0u, session_.counts().contexts_retained) << call;
    }
}

TEST_F(CudaDriver, LeavesACallersThreadTheContextThatItHad) {
    const Driver driver({TIO_STANDIN_CUDA});
    tio_standin_cuda_set_device_count(2);
    const cuda::PrimaryContext first(driver, 0);
    const cuda::PrimaryContext second(driver, 1);
    const cuda::CurrentContext outer(first);
    { const cuda::CurrentContext inner(second); }
    cuda::Context now = nullptr;
    driver.context_get_current(&now);
    EXPECT_EQ(first.get(), now);
}

TEST_F(CudaStandin, KnowsDeviceMemoryFromHostMemory) {
    cuda::DevicePointer pointer = 0;
    driver_.check(driver_.memory_allocate(&pointer, 8192), "cuMemAlloc");
    const auto inside = driver_.pointer_info(pointer + 5000);
    EXPECT_TRUE(inside.is_device);
    EXPECT_FALSE(inside.is_managed);
    EXPECT_EQ(0, inside.device);
    EXPECT_EQ(pointer, inside.range_start);
    EXPECT_EQ(8192u, inside.range_bytes);
    EXPECT_NE(0u, inside.buffer_id);
    const char here = 0;
    EXPECT_FALSE(driver_.pointer_info(reinterpret_cast<uint64_t>(&here)).is_device);
    driver_.check(driver_.memory_free(pointer), "cuMemFree");
}

TEST_F(CudaStandin, CopiesInTheOrderOfTheStreamAndSignalsItsEnd) {
    cuda::DevicePointer device = 0;
    void* pinned = nullptr;
    cuda::Stream stream = nullptr;
    cuda::Event event = nullptr;
    driver_.check(driver_.memory_allocate(&device, 4096), "cuMemAlloc");
    driver_.check(driver_.host_allocate(&pinned, 8192, 0), "cuMemHostAlloc");
    driver_.check(driver_.stream_create(&stream, cuda::stream_non_blocking), "cuStreamCreate");
    driver_.check(driver_.event_create(&event, cuda::event_blocking_sync), "cuEventCreate");
    auto* bytes = static_cast<char*>(pinned);
    std::memset(bytes, 'x', 4096);

    driver_.check(driver_.copy_to_device(device, bytes, 4096, stream), "cuMemcpyHtoDAsync");
    driver_.check(driver_.copy_to_host(bytes + 4096, device, 4096, stream), "cuMemcpyDtoHAsync");
    driver_.check(driver_.event_record(event, stream), "cuEventRecord");
    driver_.check(driver_.event_synchronize(event), "cuEventSynchronize");
    EXPECT_EQ(0, std::memcmp(bytes, bytes + 4096, 4096));
    EXPECT_EQ(cuda::success, driver_.event_query(event));

    driver_.check(driver_.event_destroy(event), "cuEventDestroy");
    driver_.check(driver_.stream_destroy(stream), "cuStreamDestroy");
    driver_.check(driver_.host_free(pinned), "cuMemFreeHost");
    driver_.check(driver_.memory_free(device), "cuMemFree");
}

TEST_F(CudaStandin, ReportsACopyFromPageableMemory) {
    cuda::DevicePointer device = 0;
    driver_.check(driver_.memory_allocate(&device, 16), "cuMemAlloc");
    char pageable[16] = {};
    EXPECT_EQ(cuda::error_invalid_value, driver_.copy_to_device(device, pageable, 16, nullptr));
    session_.expect_misuse("not pinned");
}

TEST_F(CudaStandin, ReportsMemoryThatIsFreedUnderAQueuedCopy) {
    cuda::DevicePointer device = 0;
    void* pinned = nullptr;
    driver_.check(driver_.memory_allocate(&device, 16), "cuMemAlloc");
    driver_.check(driver_.host_allocate(&pinned, 16, 0), "cuMemHostAlloc");
    session_.hold(nullptr);
    driver_.check(driver_.copy_to_device(device, pinned, 16, nullptr), "cuMemcpyHtoDAsync");
    driver_.check(driver_.memory_free(device), "cuMemFree");
    session_.let_go();
    driver_.check(driver_.stream_synchronize(nullptr), "cuStreamSynchronize");
    session_.expect_misuse("not allocated");
}

TEST_F(CudaStandin, ReportsCallsWithoutAContext) {
    driver_.context_set_current(nullptr);
    cuda::DevicePointer device = 0;
    EXPECT_EQ(cuda::error_invalid_context, driver_.memory_allocate(&device, 16));
    session_.expect_misuse("without a current context");
}

TEST_F(CudaStandin, EndsWaitsWithTheErrorWhenTheDeviceIsLost) {
    cuda::Event event = nullptr;
    driver_.check(driver_.event_create(&event, 0), "cuEventCreate");
    session_.hold(nullptr);
    driver_.check(driver_.event_record(event, nullptr), "cuEventRecord");
    std::thread waiter([&] { EXPECT_EQ(cuda::error_illegal_address, driver_.event_synchronize(event)); });
    tio_standin_cuda_lose_device(cuda::error_illegal_address);
    waiter.join();
    session_.let_go();
    EXPECT_EQ(cuda::error_illegal_address, driver_.stream_query(nullptr));
    driver_.event_destroy(event);
}
