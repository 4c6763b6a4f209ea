// Fences alone: what they stand for, how streams and threads wait for them, and what is refused.
#include <fcntl.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "compute_stream.h"
#include "cuda/flag_pool.h"
#include "fences.h"
#include "scripted_queue.h"
#include "staged_queue.h"

using namespace tio::gds;
using namespace tio::gds::testing;

namespace {

class Fences : public StagedTest {
  protected:
    static void expect_invalid(tio_status status, const std::string& named) {
        EXPECT_EQ(TIO_E_INVALID, status);
        EXPECT_NE(std::string::npos, last_error_text().find(named)) << last_error_text();
    }
};

// Moves nothing, and counts who wakes it.
class SleepingBackend final : public Backend {
  public:
    static inline std::atomic<int> wakes;

    uint32_t kind() const noexcept override { return TIO_BACKEND_STAGED; }
    bool supports_memory(uint32_t) const noexcept override { return true; }
    bool needs_wake(const Lock&) noexcept override { return true; }
    void wake() noexcept override { ++wakes; }
    void stop_cancelled() noexcept override {}
    void register_buffer(uint32_t, std::byte*, size_t) override {}
    void unregister_buffer(uint32_t) override {}
    void shut_down() noexcept override {}
};

}  // namespace

TEST_F(Fences, StandForNothingUntilTheyAreRecordedOrArmed) {
    const OpenGpu gpu;
    const OpenFence fence(gpu);
    EXPECT_EQ(static_cast<uint32_t>(TIO_FENCE_UNSET), fence.state().state);
    uint32_t how = 0;
    expect_invalid(tio_gds_fence_wait(fence.get(), 0), "neither recorded nor armed");
    expect_invalid(tio_gds_fence_make_wait(fence.get(), nullptr, &how), "neither recorded nor armed");
    expect_invalid(tio_gds_fence_signal(fence.get(), TIO_OK, 0), "not armed");
}

TEST_F(Fences, RecordedPassWhenTheKernelsBeforeThemHaveFinished) {
    const OpenGpu gpu;
    const OpenFence fence(gpu);
    ComputeStream stream;
    LongKernel kernel(stream);
    fence.record(stream.get());
    EXPECT_EQ(static_cast<uint32_t>(TIO_FENCE_PENDING), fence.state().state);
    EXPECT_EQ(TIO_E_TIMEOUT, fence.wait(0));
    kernel.end();
    EXPECT_EQ(TIO_OK, fence.wait());
    EXPECT_EQ(static_cast<uint32_t>(TIO_FENCE_PASSED), fence.state().state);
}

TEST_F(Fences, RecordedHoldAnotherStreamByAnEvent) {
    const OpenGpu gpu;
    const OpenFence fence(gpu);
    ComputeStream producer;
    ComputeStream consumer;
    char memory = 'a';
    char seen = 0;
    LongKernel kernel(producer);
    producer.launch_fill(&memory, 1, 'b');
    fence.record(producer.get());
    EXPECT_EQ(static_cast<uint32_t>(TIO_WAIT_BY_STREAM), fence.make_wait(consumer.get()));
    consumer.launch_look(&memory, &seen);
    EXPECT_EQ(1u, tio_standin_cuda_calls("cuStreamWaitEvent"));
    kernel.end();
    consumer.synchronize();
    EXPECT_EQ('b', seen);
}

TEST_F(Fences, ArmedHoldAStreamUntilTheLastTransferEnded) {
    const OpenGpu gpu;
    const OpenFence fence(gpu);
    ComputeStream stream;
    char memory = 'a';
    char seen = 0;
    fence.arm(2);
    EXPECT_EQ(static_cast<uint32_t>(TIO_WAIT_BY_STREAM), fence.make_wait(stream.get()));
    stream.launch_look(&memory, &seen);
    fence.signal();
    EXPECT_EQ(static_cast<uint32_t>(TIO_FENCE_PENDING), fence.state().state);
    memory = 'b';
    fence.signal();
    stream.synchronize();
    EXPECT_EQ('b', seen);
    EXPECT_EQ(static_cast<uint32_t>(TIO_FENCE_PASSED), fence.state().state);
}

TEST_F(Fences, ThatHavePassedHoldNobody) {
    const OpenGpu gpu;
    const OpenFence fence(gpu);
    ComputeStream stream;
    fence.arm();
    fence.signal();
    EXPECT_EQ(static_cast<uint32_t>(TIO_WAIT_NOT_NEEDED), fence.make_wait(stream.get()));
    fence.record(stream.get());
    EXPECT_EQ(TIO_OK, fence.wait());
    EXPECT_EQ(static_cast<uint32_t>(TIO_WAIT_NOT_NEEDED), fence.make_wait(stream.get()));
    EXPECT_EQ(0u, tio_standin_cuda_calls("cuStreamWaitEvent"));
    EXPECT_EQ(0u, tio_standin_cuda_calls("cuStreamWaitValue32"));
}

TEST_F(Fences, KeepTheFirstFailureAndStillLetEverybodyGo) {
    const OpenGpu gpu;
    const OpenFence fence(gpu);
    ComputeStream stream;
    fence.arm(3);
    EXPECT_EQ(static_cast<uint32_t>(TIO_WAIT_BY_STREAM), fence.make_wait(stream.get()));
    fence.signal();
    fence.signal(TIO_E_IO, 5);
    fence.signal(TIO_E_DEVICE, 719);
    stream.synchronize();
    EXPECT_EQ(static_cast<uint32_t>(TIO_FENCE_FAILED), fence.state().state);
    EXPECT_EQ(TIO_E_IO, fence.state().status);
    EXPECT_EQ(5, fence.state().sys_errno);
    EXPECT_EQ(TIO_E_IO, fence.wait());
    EXPECT_NE(std::string::npos, last_error_text().find("TIO_E_IO, code 5")) << last_error_text();
    uint32_t how = 0;
    EXPECT_EQ(TIO_E_IO, tio_gds_fence_make_wait(fence.get(), stream.get(), &how));
}

TEST_F(Fences, TakeNoMoreSignalsThanTheyWereArmedFor) {
    const OpenGpu gpu;
    const OpenFence fence(gpu);
    expect_invalid(tio_gds_fence_arm(fence.get(), 0), "transfers is 0");
    fence.arm();
    expect_invalid(tio_gds_fence_signal(fence.get(), 1, 0), "status is none of");
    fence.signal();
    expect_invalid(tio_gds_fence_signal(fence.get(), TIO_OK, 0), "already has all the transfers");
}

// A stream that is behind must be let go by its own arming, and only by that.
TEST_F(Fences, ArmedAgainAreAnotherMoment) {
    const OpenGpu gpu;
    const OpenFence fence(gpu);
    ComputeStream stream;
    LongKernel kernel(stream);
    char seen[8] = {};
    char arming = 0;
    for (char& look : seen) {
        fence.arm();
        EXPECT_EQ(static_cast<uint32_t>(TIO_WAIT_BY_STREAM), fence.make_wait(stream.get()));
        stream.launch_look(&arming, &look);
        ++arming;
        fence.signal();
    }
    kernel.end();
    stream.synchronize();
    for (const char look : seen) EXPECT_EQ(8, look);
}

TEST_F(Fences, ArmedAgainDoNotLetAStreamGoThatWaitsForTheNewMoment) {
    const OpenGpu gpu;
    const OpenFence first(gpu);
    ComputeStream stream;
    {
        const OpenFence old(gpu);
        old.arm();
        old.signal();
    }
    // The word of the old one is used again.
    first.arm();
    char memory = 'a';
    char seen = 0;
    EXPECT_EQ(static_cast<uint32_t>(TIO_WAIT_BY_STREAM), first.make_wait(stream.get()));
    stream.launch_look(&memory, &seen);
    const OpenFence second(gpu);
    second.arm();
    second.signal();
    memory = 'b';
    first.signal();
    stream.synchronize();
    EXPECT_EQ('b', seen);
}

TEST_F(Fences, DestroyedOrArmedAgainCancelWhatNobodyWillSignal) {
    const OpenGpu gpu;
    OpenFence fence(gpu);
    ComputeStream stream;
    fence.arm(2);
    fence.signal();
    EXPECT_EQ(static_cast<uint32_t>(TIO_WAIT_BY_STREAM), fence.make_wait(stream.get()));
    fence.arm();
    stream.synchronize();
    std::atomic<bool> waited{false};
    std::thread waiter([&] {
        EXPECT_EQ(TIO_E_CANCELED, fence.wait());
        waited = true;
    });
    while (!waited) fence.arm();
    waiter.join();
    EXPECT_EQ(static_cast<uint32_t>(TIO_WAIT_BY_STREAM), fence.make_wait(stream.get()));
    fence.destroy();
    stream.synchronize();
}

TEST_F(Fences, BlockTheHostWhereTheDriverHasNoWaitsOnMemory) {
    tio_standin_cuda_fail_call("cuStreamWaitValue32", 1, cuda::error_not_supported);
    const OpenGpu gpu;
    const OpenFence fence(gpu);
    EXPECT_EQ(static_cast<uint32_t>(TIO_WAITS_ON_STREAMS), gpu.info().waits);
    ComputeStream stream;
    fence.arm();
    std::thread transfer([&fence] {
        while (tio_standin_cuda_calls("cuStreamWaitValue32") == 0) std::this_thread::yield();
        fence.signal();
    });
    EXPECT_EQ(static_cast<uint32_t>(TIO_WAIT_BY_HOST), fence.make_wait(stream.get()));
    EXPECT_EQ(static_cast<uint32_t>(TIO_FENCE_PASSED), fence.state().state);
    transfer.join();
    EXPECT_EQ(static_cast<uint32_t>(TIO_WAITS_ON_HOST), gpu.info().waits);
    fence.arm();
    std::thread second([&fence] { fence.signal(); });
    fence.make_wait(stream.get());
    EXPECT_EQ(static_cast<uint32_t>(TIO_FENCE_PASSED), fence.state().state);
    second.join();
    EXPECT_EQ(1u, tio_standin_cuda_calls("cuStreamWaitValue32"));
}

TEST_F(Fences, BlockTheHostIfTheyAreToldTo) {
    const OpenGpu gpu(TIO_WAITS_ON_HOST);
    const OpenFence fence(gpu);
    EXPECT_EQ(static_cast<uint32_t>(TIO_WAITS_ON_HOST), gpu.info().waits);
    ComputeStream stream;
    fence.arm();
    std::thread transfer([&fence] { fence.signal(TIO_E_SHORT); });
    uint32_t how = 0;
    EXPECT_EQ(TIO_E_SHORT, tio_gds_fence_make_wait(fence.get(), stream.get(), &how));
    transfer.join();
    EXPECT_EQ(0u, tio_standin_cuda_calls("cuStreamWaitValue32"));
}

TEST_F(Fences, TakeMorePagesThanOneAndGiveAllBack) {
    const OpenGpu gpu;
    constexpr size_t flags_of_a_page = cuda::FlagPool::page_bytes / sizeof(uint32_t);
    {
        std::deque<OpenFence> fences;
        for (size_t i = 0; i <= flags_of_a_page; ++i) fences.emplace_back(gpu).arm();
        EXPECT_EQ(flags_of_a_page + 1, gpu.info().fences);
        EXPECT_EQ(2 * cuda::FlagPool::page_bytes, session_.counts().pinned_bytes);
    }
    std::deque<OpenFence> again;
    for (size_t i = 0; i < 2 * flags_of_a_page; ++i) again.emplace_back(gpu).arm();
    EXPECT_EQ(2 * cuda::FlagPool::page_bytes, session_.counts().pinned_bytes);
}

TEST_F(Fences, KeepTheirDeviceOpen) {
    OpenGpu gpu;
    OpenFence fence(gpu);
    expect_invalid(tio_gds_gpu_close(gpu.get()), "1 fences of the device are not destroyed");
    fence.destroy();
    gpu.close();
}

TEST_F(Fences, GoBeforeAStreamHasComeToItsWait) {
    OpenGpu gpu;
    ComputeStream stream;
    LongKernel kernel(stream);
    {
        const OpenFence fence(gpu);
        fence.arm();
        EXPECT_EQ(static_cast<uint32_t>(TIO_WAIT_BY_STREAM), fence.make_wait(stream.get()));
        fence.record(stream.get());
    }
    // The page with the word must stay as long: the stand-in reports it otherwise.
    std::thread closer([&gpu] { gpu.close(); });
    kernel.end();
    closer.join();
}

TEST_F(Fences, RefuseOptionsThatTheyDoNotKnow) {
    tio_gds_gpu_options options{};
    tio_gds_gpu* gpu = nullptr;
    expect_invalid(tio_gds_gpu_open(&options, &gpu), "tio_gds_gpu_options.struct_size is 0");
    options.struct_size = sizeof(options);
    options.waits = 2;
    expect_invalid(tio_gds_gpu_open(&options, &gpu), "waits is 2");
    options.waits = 0;
    options.reserved = 1;
    expect_invalid(tio_gds_gpu_open(&options, &gpu), "reserved is not 0");
    options.reserved = 0;
    options.device = 7;
    expect_invalid(tio_gds_gpu_open(&options, &gpu), "CUDA device 7");
    expect_invalid(tio_gds_gpu_open(nullptr, &gpu), "options is NULL");
    expect_invalid(tio_gds_gpu_open(&options, nullptr), "gpu is NULL");
    EXPECT_EQ(nullptr, gpu);
}

TEST_F(Fences, RefuseMissingArguments) {
    const OpenGpu gpu;
    const OpenFence fence(gpu);
    tio_gds_gpu_info info{};
    tio_gds_fence_state state{};
    tio_gds_fence* made = nullptr;
    uint32_t how = 0;
    EXPECT_EQ(TIO_OK, tio_gds_gpu_close(nullptr));
    EXPECT_EQ(TIO_OK, tio_gds_fence_destroy(nullptr));
    expect_invalid(tio_gds_gpu_get_info(nullptr, &info), "gpu is NULL");
    expect_invalid(tio_gds_gpu_get_info(gpu.get(), &info), "struct_size is 0");
    expect_invalid(tio_gds_fence_create(nullptr, &made), "gpu is NULL");
    expect_invalid(tio_gds_fence_create(gpu.get(), nullptr), "fence is NULL");
    expect_invalid(tio_gds_fence_record(nullptr, nullptr), "fence is NULL");
    expect_invalid(tio_gds_fence_arm(nullptr, 1), "fence is NULL");
    expect_invalid(tio_gds_fence_signal(nullptr, TIO_OK, 0), "fence is NULL");
    expect_invalid(tio_gds_fence_make_wait(nullptr, nullptr, &how), "fence is NULL");
    expect_invalid(tio_gds_fence_make_wait(fence.get(), nullptr, nullptr), "how is NULL");
    expect_invalid(tio_gds_fence_get_state(nullptr, &state), "fence is NULL");
    expect_invalid(tio_gds_fence_get_state(fence.get(), &state), "struct_size is 0");
    expect_invalid(tio_gds_fence_wait(nullptr, 0), "fence is NULL");
}

// Every driver call of fences fails in turn: an error that names it, nothing left behind, and then it works.
TEST_F(Fences, TurnFailedCallsIntoErrors) {
    ComputeStream stream;
    const auto before = session_.counts();
    const auto everything = [&]() -> tio_status {
        tio_gds_gpu_options options{};
        options.struct_size = sizeof(options);
        tio_gds_gpu* gpu = nullptr;
        tio_status status = tio_gds_gpu_open(&options, &gpu);
        if (status != TIO_OK) return status;
        tio_gds_fence* fence = nullptr;
        EXPECT_EQ(TIO_OK, tio_gds_fence_create(gpu, &fence));
        uint32_t how = 0;
        status = tio_gds_fence_arm(fence, 1);
        if (status == TIO_OK) status = tio_gds_fence_make_wait(fence, stream.get(), &how);
        if (status == TIO_OK) status = tio_gds_fence_signal(fence, TIO_OK, 0);
        LongKernel kernel(stream);
        if (status == TIO_OK) status = tio_gds_fence_record(fence, stream.get());
        if (status == TIO_OK) status = tio_gds_fence_make_wait(fence, nullptr, &how);
        kernel.end();
        if (status == TIO_OK) status = tio_gds_fence_wait(fence, -1);
        const std::string text = last_error_text();
        EXPECT_EQ(TIO_OK, tio_gds_fence_destroy(fence));
        if (tio_gds_gpu_close(gpu) != TIO_OK) {
            EXPECT_EQ(TIO_OK, tio_gds_gpu_close(gpu)) << last_error_text();
        }
        return status;
    };
    for (const char* call : {"cuDevicePrimaryCtxRetain", "cuCtxGetCurrent", "cuMemHostRegister",
                             "cuMemHostGetDevicePointer", "cuStreamWaitValue32", "cuEventCreate",
                             "cuEventRecord", "cuStreamWaitEvent", "cuEventSynchronize"}) {
        tio_standin_cuda_fail_call(call, 1, cuda::error_launch_failed);
        EXPECT_EQ(TIO_E_DEVICE, everything()) << call;
        tio_standin_cuda_fail_call(call, UINT64_MAX, 0);
        const auto after = session_.counts();
        EXPECT_EQ(before.pinned_bytes, after.pinned_bytes) << call;
        EXPECT_EQ(before.events, after.events) << call;
        EXPECT_EQ(before.contexts_retained, after.contexts_retained) << call;
    }
    // Each call that makes a context current, on the caller's thread and on the thread that watches.
    for (uint64_t n = 1;; ++n) {
        const uint64_t calls = tio_standin_cuda_calls("cuCtxSetCurrent");
        tio_standin_cuda_fail_call("cuCtxSetCurrent", n, cuda::error_launch_failed);
        const tio_status status = everything();
        EXPECT_TRUE(status == TIO_OK || status == TIO_E_DEVICE) << n;
        const bool reached = tio_standin_cuda_calls("cuCtxSetCurrent") - calls >= n;
        tio_standin_cuda_fail_call("cuCtxSetCurrent", UINT64_MAX, 0);
        EXPECT_EQ(before.pinned_bytes, session_.counts().pinned_bytes) << n;
        EXPECT_EQ(before.events, session_.counts().events) << n;
        if (!reached) break;
    }
    EXPECT_EQ(TIO_OK, everything()) << last_error_text();
}

TEST_F(Fences, OfALostDeviceFailInsteadOfHanging) {
    OpenGpu gpu;
    ComputeStream stream;
    {
        const OpenFence recorded(gpu);
        const OpenFence armed(gpu);
        LongKernel kernel(stream);
        recorded.record(stream.get());
        armed.arm();
        EXPECT_EQ(static_cast<uint32_t>(TIO_WAIT_BY_STREAM), armed.make_wait(stream.get()));
        tio_standin_cuda_lose_device(cuda::error_illegal_address);
        EXPECT_EQ(TIO_E_DEVICE, recorded.wait());
        EXPECT_EQ(cuda::error_illegal_address, recorded.state().sys_errno);
        EXPECT_EQ(TIO_E_DEVICE, tio_gds_fence_record(recorded.get(), stream.get()));
        EXPECT_EQ(static_cast<uint32_t>(TIO_FENCE_UNSET), recorded.state().state);
        armed.signal(TIO_E_DEVICE, cuda::error_illegal_address);
    }
    gpu.close();
    tio_standin_cuda_lose_device(cuda::success);
}

TEST_F(Fences, WakeTheBackendWhenTheyPassAndNotBefore) {
    const OpenGpu gpu;
    const OpenFence fence(gpu);
    tio_gds_file file{open("/dev/null", O_RDWR | O_CLOEXEC), DirectIoAlignment{true, 512, 512}, true};
    char memory[4096];
    SleepingBackend::wakes = 0;
    ScriptedQueue queue(1, [](Scheduler&, uint32_t) -> std::unique_ptr<Backend> {
        return std::make_unique<SleepingBackend>();
    });
    ComputeStream stream;
    LongKernel kernel(stream);
    fence.record(stream.get());
    auto held = scripted_request(TIO_OP_READ, file, memory, sizeof(memory), 1);
    held.after = fence.get();
    queue.send(held);
    EXPECT_EQ(0, SleepingBackend::wakes);
    kernel.end();
    while (SleepingBackend::wakes == 0) std::this_thread::yield();
    queue.send(scripted_request(TIO_OP_READ, file, memory, sizeof(memory), 2));
    EXPECT_EQ(2, SleepingBackend::wakes);
}
