// Transfers and kernels in their order, on both backends of device memory.
#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "compute_stream.h"
#include "fences.h"
#include "staged_queue.h"
#include "standin_cufile_session.h"

using namespace tio::gds;
using namespace tio::gds::testing;

namespace {

constexpr size_t block = 2 * staged_chunk;
constexpr size_t blocks = 4;

// A file of 'f', device memory of 'm', and a queue with one chunk in flight: what is held keeps its place to
// itself if it takes one.
class KernelOrder : public CufileTest, public ::testing::WithParamInterface<uint32_t> {
  protected:
    KernelOrder() { std::memset(memory_.view(), 'm', blocks * block); }

    static tio_gds_queue_options one_chunk() {
        auto options = queue_options(GetParam());
        options.chunk_bytes = staged_chunk;
        options.queue_depth = 1;
        return options;
    }
    std::string path() const { return directory_.file("f"); }
    char* view(size_t index) const { return memory_.view() + index * block; }

    // Moves one block between its place in the file and its place in memory; its index is its token.
    tio_gds_request request(uint32_t op, size_t index, const OpenFence* after = nullptr,
                            const OpenFence* signals = nullptr) const {
        auto request =
            device_request(op, file_.get(), memory_.get() + index * block, index * block, block, index);
        if (after != nullptr) request.after = after->get();
        if (signals != nullptr) request.signals = signals->get();
        return request;
    }
    void expect_completion(uint64_t token, tio_status status = TIO_OK) const {
        const auto completion = queue_.collect(1).front();
        EXPECT_EQ(token, completion.token);
        EXPECT_EQ(status, completion.status) << completion.sys_errno;
    }
    // Goes through the queue after all that was submitted before and is not held.
    void expect_that_others_pass() const {
        queue_.submit({request(TIO_OP_READ, blocks - 1)});
        expect_completion(blocks - 1);
    }

    const bool written_ = (write_whole_file(path(), std::vector<char>(blocks* block, 'f')), true);
    const OpenFile file_{path(), TIO_FILE_DIRECT};
    const DeviceMemory memory_{blocks * block};
    const OpenGpu gpu_;
    const OpenFence kernels_{gpu_};
    const OpenFence bytes_{gpu_};
    OpenQueue queue_{one_chunk()};
    ComputeStream stream_;
};

}  // namespace

INSTANTIATE_TEST_SUITE_P(, KernelOrder, ::testing::Values(TIO_BACKEND_STAGED, TIO_BACKEND_CUFILE),
                         backend_name);

TEST_P(KernelOrder, AWriteTakesWhatTheKernelsBeforeItsFenceProduce) {
    LongKernel kernel(stream_);
    stream_.launch_fill(view(0), block, 'k');
    kernels_.record(stream_.get());
    queue_.submit({request(TIO_OP_WRITE, 0, &kernels_)});
    expect_that_others_pass();
    EXPECT_EQ('f', read_whole_file(path())[0]);
    EXPECT_EQ(1u, queue_.statistics().queued_requests);
    kernel.end();
    expect_completion(0);
    EXPECT_EQ(std::vector<char>(block, 'k'), std::vector<char>(view(0), view(0) + block));
    const auto contents = read_whole_file(path());
    EXPECT_EQ(std::vector<char>(block, 'k'), std::vector<char>(contents.begin(), contents.begin() + block));
}

TEST_P(KernelOrder, AReadLeavesMemoryToTheKernelsBeforeItsFence) {
    char seen = 0;
    LongKernel kernel(stream_);
    stream_.launch_look(view(0) + block - 1, &seen);
    kernels_.record(stream_.get());
    queue_.submit({request(TIO_OP_READ, 0, &kernels_)});
    expect_that_others_pass();
    EXPECT_EQ('m', *view(0));
    kernel.end();
    expect_completion(0);
    EXPECT_EQ('m', seen);
    EXPECT_EQ('f', view(0)[block - 1]);
}

TEST_P(KernelOrder, AStreamGoesOnWhenTheBytesAreThere) {
    ComputeStream other;
    LongKernel kernel(other);
    kernels_.record(other.get());
    bytes_.arm();
    queue_.submit({request(TIO_OP_READ, 0, &kernels_, &bytes_)});
    char seen = 0;
    EXPECT_EQ(static_cast<uint32_t>(TIO_WAIT_BY_STREAM), bytes_.make_wait(stream_.get()));
    stream_.launch_look(view(0) + block - 1, &seen);
    expect_that_others_pass();
    EXPECT_EQ(static_cast<uint32_t>(TIO_FENCE_PENDING), bytes_.state().state);
    kernel.end();
    stream_.synchronize();
    EXPECT_EQ('f', seen);
    expect_completion(0);
}

TEST_P(KernelOrder, AStreamWaitsForTheLastOfSeveralTransfers) {
    ComputeStream other;
    LongKernel kernel(other);
    kernels_.record(other.get());
    bytes_.arm(2);
    queue_.submit({request(TIO_OP_READ, 0, nullptr, &bytes_), request(TIO_OP_READ, 1, &kernels_, &bytes_)});
    char seen = 0;
    EXPECT_EQ(static_cast<uint32_t>(TIO_WAIT_BY_STREAM), bytes_.make_wait(stream_.get()));
    stream_.launch_look(view(1), &seen);
    expect_completion(0);
    EXPECT_EQ(static_cast<uint32_t>(TIO_FENCE_PENDING), bytes_.state().state);
    kernel.end();
    stream_.synchronize();
    EXPECT_EQ('f', seen);
    expect_completion(1);
}

// The kernel that the first read comes after waits for the second one. With a place in a stream or the only
// slot, the first would stop the second for ever.
TEST_P(KernelOrder, AHeldTransferStopsNoOther) {
    bytes_.arm();
    EXPECT_EQ(static_cast<uint32_t>(TIO_WAIT_BY_STREAM), bytes_.make_wait(stream_.get()));
    kernels_.record(stream_.get());
    queue_.submit({request(TIO_OP_READ, 0, &kernels_), request(TIO_OP_WRITE, 2, &kernels_),
                   request(TIO_OP_READ, 1, nullptr, &bytes_)});
    expect_completion(1);
    for (const auto& completion : queue_.collect(2)) EXPECT_EQ(TIO_OK, completion.status);
}

TEST_P(KernelOrder, AKernelFenceOfOneStreamIsNotHeldUpByAnother) {
    const OpenFence second(gpu_);
    ComputeStream other;
    LongKernel kernel(stream_);
    kernels_.record(stream_.get());
    second.record(other.get());
    queue_.submit({request(TIO_OP_READ, 0, &kernels_), request(TIO_OP_READ, 1, &second)});
    expect_completion(1);
    kernel.end();
    expect_completion(0);
}

TEST_P(KernelOrder, AFenceIsFreeOnceItsRequestIsSubmitted) {
    OpenFence passing(gpu_);
    OpenFence signalled(gpu_);
    ComputeStream other;
    LongKernel kernel(stream_);
    passing.record(stream_.get());
    signalled.arm();
    queue_.submit({request(TIO_OP_READ, 0, &passing, &signalled)});
    EXPECT_EQ(static_cast<uint32_t>(TIO_WAIT_BY_STREAM), signalled.make_wait(other.get()));
    char seen = 0;
    other.launch_look(view(0), &seen);
    // Recorded where nothing is to be waited for, armed for nobody, then gone.
    const ComputeStream idle;
    passing.record(idle.get());
    EXPECT_EQ(TIO_OK, passing.wait());
    signalled.arm();
    passing.destroy();
    signalled.destroy();
    expect_that_others_pass();
    EXPECT_EQ('m', *view(0));
    kernel.end();
    other.synchronize();
    EXPECT_EQ('f', seen);
    expect_completion(0);
}

TEST_P(KernelOrder, AFailedTransferLetsItsStreamGoAndTellsTheFence) {
    bytes_.arm();
    auto beyond = request(TIO_OP_READ, 0, nullptr, &bytes_);
    beyond.offset = blocks * block;
    EXPECT_EQ(static_cast<uint32_t>(TIO_WAIT_BY_STREAM), bytes_.make_wait(stream_.get()));
    queue_.submit({beyond});
    stream_.synchronize();
    EXPECT_EQ(static_cast<uint32_t>(TIO_FENCE_FAILED), bytes_.state().state);
    EXPECT_EQ(TIO_E_SHORT, bytes_.state().status);
    expect_completion(0, TIO_E_SHORT);
}

TEST_P(KernelOrder, AHeldTransferIsCancelledAtOnce) {
    ComputeStream other;
    LongKernel kernel(stream_);
    kernels_.record(stream_.get());
    bytes_.arm();
    queue_.submit({request(TIO_OP_READ, 0, &kernels_, &bytes_)});
    EXPECT_EQ(static_cast<uint32_t>(TIO_WAIT_BY_STREAM), bytes_.make_wait(other.get()));
    ASSERT_TIO_OK(tio_gds_cancel(queue_.get(), 0));
    expect_completion(0, TIO_E_CANCELED);
    other.synchronize();
    EXPECT_EQ(TIO_E_CANCELED, bytes_.state().status);
    EXPECT_EQ(0u, queue_.statistics().queued_requests);
    kernel.end();
    stream_.synchronize();
    expect_that_others_pass();
    EXPECT_EQ('m', *view(0));
}

TEST_P(KernelOrder, AQueueGoesWithoutWaitingForKernels) {
    ComputeStream other;
    LongKernel kernel(stream_);
    kernels_.record(stream_.get());
    bytes_.arm();
    queue_.submit({request(TIO_OP_READ, 0, &kernels_, &bytes_), request(TIO_OP_WRITE, 1, &kernels_)});
    EXPECT_EQ(static_cast<uint32_t>(TIO_WAIT_BY_STREAM), bytes_.make_wait(other.get()));
    queue_.destroy();
    other.synchronize();
    EXPECT_EQ(TIO_E_CANCELED, bytes_.state().status);
    kernel.end();
    stream_.synchronize();
    EXPECT_EQ('m', *view(0));
    EXPECT_EQ('f', read_whole_file(path())[block]);
}

TEST_P(KernelOrder, ATransferFailsWithTheKernelsBeforeIt) {
    const OpenFence second(gpu_);
    for (const OpenFence* fence : {&kernels_, &second}) {
        LongKernel kernel(stream_);
        tio_standin_cuda_fail_call("cuEventSynchronize", 1, cuda::error_launch_failed);
        fence->record(stream_.get());
        bytes_.arm();
        // Once before the failure is known, as a rule, and once after it.
        if (fence == &second) {
            EXPECT_EQ(TIO_E_DEVICE, fence->wait());
        }
        queue_.submit({request(TIO_OP_READ, 0, fence, &bytes_)});
        const auto completion = queue_.collect(1).front();
        EXPECT_EQ(TIO_E_DEVICE, completion.status);
        EXPECT_EQ(cuda::error_launch_failed, completion.sys_errno);
        EXPECT_EQ(0u, completion.bytes);
        EXPECT_EQ(TIO_E_DEVICE, bytes_.state().status);
        kernel.end();
    }
    expect_that_others_pass();
    EXPECT_EQ('m', *view(0));
}

TEST_P(KernelOrder, RefusesFencesThatStandForSomethingElse) {
    queue_.expect_refused(request(TIO_OP_READ, 0, &kernels_), "after names a fence that is not recorded");
    queue_.expect_refused(request(TIO_OP_READ, 0, nullptr, &bytes_),
                          "signals names a fence that is not armed");
    kernels_.record(stream_.get());
    bytes_.arm();
    queue_.expect_refused(request(TIO_OP_READ, 0, &bytes_), "after names a fence that is not recorded");
    queue_.expect_refused(request(TIO_OP_READ, 0, nullptr, &kernels_),
                          "signals names a fence that is not armed");
    queue_.submit({request(TIO_OP_READ, 0, nullptr, &bytes_)});
    queue_.expect_refused(request(TIO_OP_READ, 1, nullptr, &bytes_), "already has all the transfers");
    expect_completion(0);
}

TEST_P(KernelOrder, ARefusedRequestTakesNoTransferOfItsFence) {
    bytes_.arm();
    auto wrong = request(TIO_OP_READ, 0, nullptr, &bytes_);
    wrong.length = 0;
    queue_.expect_refused(wrong, "length is 0");
    queue_.submit({request(TIO_OP_READ, 0, nullptr, &bytes_)});
    expect_completion(0);
    EXPECT_EQ(TIO_OK, bytes_.wait());
}

TEST_P(KernelOrder, ADeviceStaysOpenForTransfersThatSignalItsFences) {
    OpenGpu gpu;
    LongKernel kernel(stream_);
    kernels_.record(stream_.get());
    {
        const OpenFence fence(gpu);
        fence.arm();
        queue_.submit({request(TIO_OP_READ, 0, &kernels_, &fence)});
    }
    EXPECT_EQ(TIO_E_INVALID, tio_gds_gpu_close(gpu.get()));
    EXPECT_NE(std::string::npos, last_error_text().find("requests that signal 1 fences"))
        << last_error_text();
    kernel.end();
    expect_completion(0);
}

// More tensors than memory, as in training: every kernel adds one to its tensor. The host waits for nothing
// but the end of a write whose memory it needs.
TEST_P(KernelOrder, KeepsEveryKernelsWorkWhenMemoryIsShort) {
    constexpr size_t tensors = blocks;
    constexpr size_t places = 2;
    constexpr size_t none = tensors;
    std::mt19937_64 random(20);
    std::vector<size_t> tensor_of(places, none);
    std::vector<char> expected(tensors, 'f');
    size_t reads = 0;
    const auto transfer = [&](uint32_t op, size_t place, uint64_t token, const OpenFence* signals) {
        kernels_.record(stream_.get());
        auto moved = request(op, place, &kernels_, signals);
        moved.offset = tensor_of[place] * block;
        moved.token = token;
        queue_.submit({moved});
    };
    const auto collect_until = [&](uint64_t token) {
        for (;;) {
            const auto completion = queue_.collect(1).front();
            ASSERT_EQ(TIO_OK, completion.status);
            if (completion.token != token) --reads;
            if (completion.token == token || (token == 0 && reads == 0)) return;
        }
    };
    constexpr uint64_t write_token = 1;
    uint64_t next_token = 2;
    for (int step = 0; step < 200; ++step) {
        const size_t tensor = random() % tensors;
        size_t place = 0;
        while (place < places && tensor_of[place] != tensor) ++place;
        if (place == places) {
            place = random() % places;
            if (tensor_of[place] != none) {
                transfer(TIO_OP_WRITE, place, write_token, nullptr);
                collect_until(write_token);
            }
            tensor_of[place] = tensor;
            bytes_.arm();
            transfer(TIO_OP_READ, place, next_token++, &bytes_);
            ++reads;
            bytes_.make_wait(stream_.get());
        }
        ++expected[tensor];
        stream_.launch([memory = view(place)] {
            for (size_t i = 0; i < block; ++i) ++memory[i];
        });
    }
    for (size_t place = 0; place < places; ++place) {
        transfer(TIO_OP_WRITE, place, write_token, nullptr);
        collect_until(write_token);
    }
    if (reads != 0) collect_until(0);
    const auto contents = read_whole_file(path());
    for (size_t tensor = 0; tensor < tensors; ++tensor)
        EXPECT_EQ(std::string(block, expected[tensor]), std::string(contents.data() + tensor * block, block))
            << tensor;
}
