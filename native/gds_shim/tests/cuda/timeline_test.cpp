// Times on a device, over the stand-in, whose clock the test sets: kernels "take" what they say.
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "compute_stream.h"
#include "fences.h"
#include "staged_queue.h"

using namespace tio::gds;
using namespace tio::gds::testing;

namespace {

class OpenTimeline {
  public:
    explicit OpenTimeline(const OpenGpu& gpu) {
        EXPECT_EQ(TIO_OK, tio_gds_timeline_create(gpu.get(), &handle_)) << last_error_text();
    }
    ~OpenTimeline() { destroy(); }
    OpenTimeline(const OpenTimeline&) = delete;
    OpenTimeline& operator=(const OpenTimeline&) = delete;

    tio_gds_timeline* get() const { return handle_; }
    void destroy() {
        EXPECT_EQ(TIO_OK, tio_gds_timeline_destroy(handle_)) << last_error_text();
        handle_ = nullptr;
    }
    uint64_t mark(void* stream) const {
        uint64_t index = 99;
        EXPECT_EQ(TIO_OK, tio_gds_timeline_mark(handle_, stream, &index)) << last_error_text();
        return index;
    }
    std::vector<double> collect() const {
        std::vector<double> seconds(1024);
        uint64_t count = 0;
        EXPECT_EQ(TIO_OK, tio_gds_timeline_collect(handle_, seconds.data(), seconds.size(), &count))
            << last_error_text();
        seconds.resize(count);
        return seconds;
    }

  private:
    tio_gds_timeline* handle_ = nullptr;
};

class Timelines : public StagedTest {
  protected:
    Timelines() { tio_standin_cuda_set_clock(1'000'000); }

    // A kernel that ends at this time of the device's clock.
    static void launch_until(ComputeStream& stream, double seconds) {
        stream.launch([seconds] { tio_standin_cuda_set_clock(1'000'000 + seconds); });
    }
    static void expect_invalid(tio_status status, const std::string& named) {
        EXPECT_EQ(TIO_E_INVALID, status);
        EXPECT_NE(std::string::npos, last_error_text().find(named)) << last_error_text();
    }
};

}  // namespace

TEST_F(Timelines, TellWhenTheDeviceCameToEachMark) {
    const OpenGpu gpu;
    const OpenTimeline timeline(gpu);
    ComputeStream stream;
    EXPECT_EQ(0u, timeline.mark(stream.get()));
    launch_until(stream, 0.25);
    EXPECT_EQ(1u, timeline.mark(stream.get()));
    EXPECT_EQ(2u, timeline.mark(stream.get()));
    launch_until(stream, 0.75);
    EXPECT_EQ(3u, timeline.mark(stream.get()));
    EXPECT_EQ((std::vector<double>{0, 0.25, 0.25, 0.75}), timeline.collect());
}

TEST_F(Timelines, ArePatientWithTheLastKernel) {
    const OpenGpu gpu;
    const OpenTimeline timeline(gpu);
    ComputeStream stream;
    LongKernel kernel(stream);
    timeline.mark(stream.get());
    launch_until(stream, 0.5);
    timeline.mark(stream.get());
    std::thread opener([&kernel] {
        while (tio_standin_cuda_calls("cuEventSynchronize") == 0) std::this_thread::yield();
        kernel.end();
    });
    EXPECT_EQ((std::vector<double>{0, 0.5}), timeline.collect());
    opener.join();
}

TEST_F(Timelines, ArePatientWithMarksOfOtherStreamsThanTheLast) {
    const OpenGpu gpu;
    const OpenTimeline timeline(gpu);
    ComputeStream slow;
    ComputeStream quick;
    timeline.mark(quick.get());
    LongKernel kernel(slow);
    launch_until(slow, 0.5);
    timeline.mark(slow.get());
    timeline.mark(quick.get());
    quick.synchronize();
    std::thread opener([&kernel] {
        // Only an elapsed time that was not to be had yet says that the call has come to the slow stream.
        while (tio_standin_cuda_calls("cuEventElapsedTime") == 0) std::this_thread::yield();
        kernel.end();
    });
    EXPECT_EQ((std::vector<double>{0, 0.5, 0}), timeline.collect());
    opener.join();
}

TEST_F(Timelines, BeginAnewWithTheSameEvents) {
    const OpenGpu gpu;
    const OpenTimeline timeline(gpu);
    ComputeStream stream;
    EXPECT_TRUE(timeline.collect().empty());
    for (int round = 1; round <= 3; ++round) {
        EXPECT_EQ(0u, timeline.mark(stream.get()));
        launch_until(stream, round);
        EXPECT_EQ(1u, timeline.mark(stream.get()));
        EXPECT_EQ((std::vector<double>{0, 1}), timeline.collect());
    }
    EXPECT_EQ(2u, tio_standin_cuda_calls("cuEventCreate"));
}

// The driver's floats of milliseconds alone would be wrong by tens of microseconds at the end of such a step.
TEST_F(Timelines, AreExactOverLongSteps) {
    const OpenGpu gpu;
    const OpenTimeline timeline(gpu);
    ComputeStream stream;
    constexpr int marks = 1000;
    for (int i = 0; i < marks; ++i) {
        launch_until(stream, i * 0.333'333);
        timeline.mark(stream.get());
    }
    const std::vector<double> seconds = timeline.collect();
    ASSERT_EQ(static_cast<size_t>(marks), seconds.size());
    for (size_t i = 1; i < seconds.size(); ++i) EXPECT_NEAR(0.333'333, seconds[i] - seconds[i - 1], 2e-7);
    EXPECT_NEAR((marks - 1) * 0.333'333, seconds.back(), 3e-5);
}

TEST_F(Timelines, KeepTheirMarksWhenThereIsNoRoomForTheTimes) {
    const OpenGpu gpu;
    const OpenTimeline timeline(gpu);
    timeline.mark(nullptr);
    timeline.mark(nullptr);
    double seconds[1] = {};
    uint64_t count = 0;
    expect_invalid(tio_gds_timeline_collect(timeline.get(), seconds, 1, &count), "there are 2 marks");
    EXPECT_EQ(2u, count);
    expect_invalid(tio_gds_timeline_collect(timeline.get(), nullptr, 0, &count), "there are 2 marks");
    EXPECT_EQ(2u, timeline.collect().size());
}

TEST_F(Timelines, KeepTheirDeviceOpen) {
    OpenGpu gpu;
    OpenTimeline timeline(gpu);
    expect_invalid(tio_gds_gpu_close(gpu.get()), "1 timelines of the device are not destroyed");
    timeline.destroy();
    gpu.close();
}

TEST_F(Timelines, GoWithMarksThatNobodyHasCollected) {
    const OpenGpu gpu;
    ComputeStream stream;
    LongKernel kernel(stream);
    const OpenTimeline timeline(gpu);
    timeline.mark(stream.get());
}

TEST_F(Timelines, RefuseMissingArguments) {
    const OpenGpu gpu;
    const OpenTimeline timeline(gpu);
    tio_gds_timeline* made = nullptr;
    uint64_t count = 0;
    expect_invalid(tio_gds_timeline_create(nullptr, &made), "gpu is NULL");
    expect_invalid(tio_gds_timeline_create(gpu.get(), nullptr), "timeline is NULL");
    expect_invalid(tio_gds_timeline_mark(nullptr, nullptr, &count), "timeline is NULL");
    expect_invalid(tio_gds_timeline_mark(timeline.get(), nullptr, nullptr), "index is NULL");
    expect_invalid(tio_gds_timeline_collect(nullptr, nullptr, 0, &count), "timeline is NULL");
    expect_invalid(tio_gds_timeline_collect(timeline.get(), nullptr, 0, nullptr), "count is NULL");
    expect_invalid(tio_gds_timeline_collect(timeline.get(), nullptr, 1, &count), "seconds is NULL");
    EXPECT_EQ(TIO_OK, tio_gds_timeline_destroy(nullptr));
}

// Every driver call fails in turn, at each of its turns: an error that names it, nothing left behind, and
// then it works.
TEST_F(Timelines, TurnFailedCallsIntoErrors) {
    const OpenGpu gpu;
    ComputeStream stream;
    const auto before = session_.counts();
    const auto everything = [&]() -> tio_status {
        const OpenTimeline timeline(gpu);
        uint64_t index = 0;
        uint64_t count = 0;
        double seconds[2] = {};
        tio_status status = tio_gds_timeline_mark(timeline.get(), stream.get(), &index);
        if (status == TIO_OK) status = tio_gds_timeline_mark(timeline.get(), stream.get(), &index);
        if (status == TIO_OK) status = tio_gds_timeline_collect(timeline.get(), seconds, 2, &count);
        if (status == TIO_OK) return status;
        const std::string text = last_error_text();
        EXPECT_NE(std::string::npos, text.find("CUDA_ERROR_LAUNCH_FAILED (719)")) << text;
        // A mark that failed is none, and a collection that failed was one.
        const bool failed_at_once = index == 0;
        EXPECT_EQ(TIO_OK, tio_gds_timeline_collect(timeline.get(), seconds, 2, &count)) << last_error_text();
        EXPECT_LE(count, failed_at_once ? 1u : 0u);
        return status;
    };
    for (const char* call : {"cuCtxGetCurrent", "cuCtxSetCurrent", "cuEventCreate", "cuEventRecord",
                             "cuEventSynchronize", "cuEventElapsedTime"}) {
        uint64_t n = 1;
        for (;; ++n) {
            const uint64_t calls = tio_standin_cuda_calls(call);
            tio_standin_cuda_fail_call(call, n, cuda::error_launch_failed);
            const tio_status status = everything();
            tio_standin_cuda_fail_call(call, UINT64_MAX, 0);
            EXPECT_EQ(before.events, session_.counts().events) << call << ' ' << n;
            if (tio_standin_cuda_calls(call) - calls < n) {
                EXPECT_EQ(TIO_OK, status) << call << ' ' << n;
                break;
            }
        }
        EXPECT_GT(n, 1u) << call << " is never called";
    }
}

TEST_F(Timelines, OfALostDeviceFailInsteadOfHanging) {
    OpenGpu gpu;
    ComputeStream stream;
    {
        const OpenTimeline timeline(gpu);
        LongKernel kernel(stream);
        timeline.mark(stream.get());
        tio_standin_cuda_lose_device(cuda::error_illegal_address);
        double seconds = 0;
        uint64_t count = 0;
        EXPECT_EQ(TIO_E_DEVICE, tio_gds_timeline_collect(timeline.get(), &seconds, 1, &count));
        EXPECT_NE(std::string::npos, last_error_text().find("CUDA_ERROR_ILLEGAL_ADDRESS (700)"));
    }
    gpu.close();
    tio_standin_cuda_lose_device(cuda::success);
}

TEST_F(Timelines, NeverTakeTheTimeOfEventsThatAreForOrderAlone) {
    cuda::Event events[2] = {};
    const cuda::PrimaryContext context(cuda::Driver::shared(), 0);
    const cuda::CurrentContext current(context);
    const cuda::Driver& driver = context.driver();
    float milliseconds = 0;
    ASSERT_EQ(cuda::success, driver.event_create(&events[0], 0));
    EXPECT_EQ(cuda::error_invalid_handle, driver.event_elapsed_time(&milliseconds, events[0], events[0]));
    ASSERT_EQ(cuda::success, driver.event_create(&events[1], cuda::event_disable_timing));
    EXPECT_EQ(cuda::error_invalid_handle, driver.event_elapsed_time(&milliseconds, events[0], events[1]));
    for (const cuda::Event event : events) driver.event_destroy(event);
    session_.expect_misuse("of events that take no time");
}
