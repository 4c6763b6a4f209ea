// Failures on either side of the pinned ring: none hangs, none leaves anything in flight, each is told as it
// is.
#include <gtest/gtest.h>

#include <cerrno>

#include "file_size_limit.h"
#include "staged_queue.h"

using namespace tio::gds;
using namespace tio::gds::testing;

namespace {

class StagedFailures : public StagedTest {};

constexpr uint64_t chunks = 6;
constexpr uint64_t request_bytes = chunks * staged_chunk;

// Writes one pattern and reads another, each of several chunks, at the same time; then once more, without
// failures.
class BothWays {
  public:
    explicit BothWays(const TemporaryDirectory& directory)
        : file_((write_whole_file(directory.file("f"), contents()), directory.file("f")), TIO_FILE_DIRECT),
          path_(directory.file("f")) {}

    std::vector<tio_gds_completion> run(const OpenQueue& queue) {
        std::memcpy(source_.view(), pattern(request_bytes, 1).data(), request_bytes);
        std::memset(target_.view(), 0, request_bytes);
        queue.submit(
            {device_request(TIO_OP_WRITE, file_.get(), source_.get(), 0, request_bytes, 1),
             device_request(TIO_OP_READ, file_.get(), target_.get(), request_bytes, request_bytes, 2)});
        return queue.collect(2);
    }

    void expect_all_arrived() const {
        EXPECT_EQ(0, std::memcmp(target_.view(), contents().data() + request_bytes, request_bytes));
        const auto file = read_whole_file(path_);
        EXPECT_EQ(0, std::memcmp(file.data(), pattern(request_bytes, 1).data(), request_bytes));
    }

  private:
    static std::vector<char> contents() { return pattern(2 * request_bytes, 9); }

    OpenFile file_;
    std::string path_;
    DeviceMemory source_{request_bytes};
    DeviceMemory target_{request_bytes};
};

class StagedCallFailures : public StagedTest, public ::testing::WithParamInterface<const char*> {};

std::string call_name(const ::testing::TestParamInfo<const char*>& info) {
    return info.param;
}

}  // namespace

INSTANTIATE_TEST_SUITE_P(, StagedCallFailures,
                         ::testing::Values("cuMemcpyHtoDAsync", "cuMemcpyDtoHAsync", "cuEventRecord",
                                           "cuEventSynchronize"),
                         call_name);

// The N-th call fails, for N = 1, 2, ... until a run has no N-th call.
TEST_P(StagedCallFailures, FailTheRequestAndNothingElse) {
    BothWays work(directory_);
    const OpenQueue queue(staged_options(3));
    uint64_t failures = 0;
    for (uint64_t n = 1;; ++n) {
        const uint64_t before = tio_standin_cuda_calls(GetParam());
        tio_standin_cuda_fail_call(GetParam(), n, cuda::error_launch_failed);
        const auto completions = work.run(queue);
        uint64_t failed = 0;
        for (const auto& completion : completions) {
            if (completion.status == TIO_OK) continue;
            ++failed;
            ASSERT_EQ(TIO_E_DEVICE, completion.status);
            ASSERT_EQ(cuda::error_launch_failed, completion.sys_errno);
            ASSERT_LT(completion.bytes, request_bytes);
        }
        ASSERT_EQ(0u, queue.statistics().in_flight_chunks);
        ASSERT_EQ(0u, session_.counts().copies_in_flight);
        if (tio_standin_cuda_calls(GetParam()) - before < n) {
            ASSERT_EQ(0u, failed);
            break;
        }
        ASSERT_EQ(1u, failed) << "call " << n;
        failures += failed;
    }
    EXPECT_GE(failures, chunks);
    tio_standin_cuda_fail_call(GetParam(), UINT64_MAX, 0);
    for (const auto& completion : work.run(queue)) EXPECT_EQ(TIO_OK, completion.status);
    work.expect_all_arrived();
}

// Every call of a queue's creation fails in turn: an error, nothing kept, and then it works.
TEST_F(StagedFailures, OfCreationLeaveNothingBehind) {
    for (const char* call : {"cuDeviceGetCount", "cuDeviceGet", "cuDevicePrimaryCtxRetain", "cuCtxGetCurrent",
                             "cuCtxSetCurrent", "cuMemHostRegister", "cuStreamCreate", "cuEventCreate"}) {
        uint64_t refusals = 0;
        for (uint64_t n = 1;; ++n) {
            const uint64_t before = tio_standin_cuda_calls(call);
            tio_standin_cuda_fail_call(call, n, cuda::error_out_of_memory);
            const auto options = staged_options(3);
            tio_gds_queue* queue = nullptr;
            const tio_status status = tio_gds_queue_create(&options, &queue);
            const bool reached = tio_standin_cuda_calls(call) - before >= n;
            tio_standin_cuda_fail_call(call, UINT64_MAX, 0);
            if (status == TIO_OK) {
                ASSERT_EQ(TIO_OK, tio_gds_queue_destroy(queue));
                // The last calls of a creation put the caller's context back: nobody can be told of their
                // failure.
                if (!reached) break;
                ASSERT_STREQ("cuCtxSetCurrent", call);
                continue;
            }
            ++refusals;
            ASSERT_EQ(TIO_E_NOMEM, status) << last_error_text();
            ASSERT_NE(std::string::npos, last_error_text().find("CUDA_ERROR_OUT_OF_MEMORY"))
                << last_error_text();
            ASSERT_EQ(0u, session_.counts().pinned_bytes) << call;
            ASSERT_EQ(0u, session_.counts().streams) << call;
            ASSERT_EQ(0u, session_.counts().events) << call;
            ASSERT_EQ(0u, session_.counts().contexts_retained) << call;
        }
        EXPECT_GE(refusals, 1u) << call;
        cuda::Driver::shared().context_set_current(nullptr);
    }
}

// The file's side fails at its N-th chunk: it ends there.
TEST_F(StagedFailures, OfReadsDeliverWhatTheFileHas) {
    for (uint64_t present = 0; present <= chunks; ++present) {
        const auto contents = pattern(present * staged_chunk + (present < chunks ? 100 : 0), 3);
        write_whole_file(directory_.file("short"), contents);
        const OpenFile file(directory_.file("short"), TIO_FILE_DIRECT);
        const OpenQueue queue(staged_options(3));
        const DeviceMemory memory(request_bytes);
        const auto completion =
            queue.run(device_request(TIO_OP_READ, file.get(), memory.get(), 0, request_bytes));
        EXPECT_EQ(present == chunks ? TIO_OK : TIO_E_SHORT, completion.status);
        EXPECT_EQ(0u, queue.statistics().in_flight_chunks);
        EXPECT_EQ(contents.size(), completion.bytes);
        EXPECT_EQ(0, std::memcmp(memory.view(), contents.data(), contents.size()));
    }
}

TEST_F(StagedFailures, OfWritesTellTheErrno) {
    const DeviceMemory memory(request_bytes);
    for (uint64_t room = 0; room < chunks; ++room) {
        const OpenFile file(directory_.file("f" + std::to_string(room)), TIO_FILE_CREATE | TIO_FILE_DIRECT);
        const OpenQueue queue(staged_options(3));
        const FileSizeLimit limit(room * staged_chunk);
        const auto completion =
            queue.run(device_request(TIO_OP_WRITE, file.get(), memory.get(), 0, request_bytes));
        EXPECT_EQ(TIO_E_FULL, completion.status);
        EXPECT_EQ(EFBIG, completion.sys_errno);
        EXPECT_LE(completion.bytes, room * staged_chunk);
        EXPECT_EQ(0u, queue.statistics().in_flight_chunks);
    }
}

TEST_F(StagedFailures, OfTheDeviceEndEveryRequestAndTheQueue) {
    write_whole_file(directory_.file("f"), pattern(request_bytes, 3));
    const OpenFile file(directory_.file("f"), TIO_FILE_DIRECT);
    OpenQueue queue(staged_options(4));
    {
        const DeviceMemory source(request_bytes);
        const DeviceMemory target(request_bytes);
        tio_standin_cuda_hold_copies(1);
        queue.submit({device_request(TIO_OP_WRITE, file.get(), source.get(), 0, request_bytes, 1),
                      device_request(TIO_OP_READ, file.get(), target.get(), 0, request_bytes, 2)});
        tio_standin_cuda_await_copies(1);
        tio_standin_cuda_lose_device(cuda::error_illegal_address);
        for (const auto& completion : queue.collect(2)) {
            EXPECT_EQ(TIO_E_DEVICE, completion.status);
            EXPECT_EQ(cuda::error_illegal_address, completion.sys_errno);
        }
        queue.destroy();
        tio_standin_cuda_lose_device(cuda::success);  // so that the test can free its memory
    }
}
