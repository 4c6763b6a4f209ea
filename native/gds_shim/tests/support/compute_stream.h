// A stream of "kernels" over the stand-in's device memory.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <deque>
#include <functional>
#include <memory>

#include "cuda/driver.h"
#include "cuda/handles.h"
#include "gate.h"
#include "standin_cuda.h"

namespace tio::gds::testing {

// Kernels run in order, on the stream's own thread. Ends only when all of them have run.
class ComputeStream {
  public:
    ComputeStream() : context_(cuda::Driver::shared(), 0), current_(context_), stream_(context_.driver()) {}
    ~ComputeStream() { synchronize(); }
    ComputeStream(const ComputeStream&) = delete;
    ComputeStream& operator=(const ComputeStream&) = delete;

    void* get() const { return stream_.get(); }
    void launch(std::function<void()> kernel) {
        kernels_.push_back(std::move(kernel));
        EXPECT_EQ(cuda::success, tio_standin_cuda_launch(get(), &run, &kernels_.back()));
    }
    // A kernel that writes to device memory, seen by the CPU at `view`.
    void launch_fill(char* view, size_t bytes, char value) {
        launch([=] { std::memset(view, value, bytes); });
    }
    // A kernel that takes what is there as its input.
    void launch_look(const char* view, char* seen) {
        launch([=] { *seen = *view; });
    }
    void synchronize() const { context_.driver().stream_synchronize(stream_.get()); }

  private:
    static void run(void* kernel) { (*static_cast<std::function<void()>*>(kernel))(); }

    std::deque<std::function<void()>> kernels_;  // a deque: they stay where they are
    const cuda::PrimaryContext context_;
    const cuda::CurrentContext current_;
    const cuda::OwnedStream stream_;
};

// A kernel that runs until it is let go, at the end of its scope at the latest.
class LongKernel {
  public:
    explicit LongKernel(ComputeStream& stream) {
        stream.launch([over = over_] { over->pass(); });
    }
    ~LongKernel() { end(); }
    LongKernel(const LongKernel&) = delete;
    LongKernel& operator=(const LongKernel&) = delete;

    void end() { over_->open(); }

  private:
    // Shared: the kernel may be inside when the scope has ended.
    const std::shared_ptr<Gate> over_ = std::make_shared<Gate>();
};

}  // namespace tio::gds::testing
