// A fresh stand-in for libcuda, for the time of a test. A test double: nothing here says anything about a
// GPU.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "gate.h"
#include "standin_cuda.h"

namespace tio::gds::testing {

inline std::string standin_text(size_t (*copy)(char*, size_t)) {
    std::string text(copy(nullptr, 0), '\0');
    copy(text.data(), text.size() + 1);
    return text;
}

// Points TERAIO_CUDA_PATH at the stand-in, and expects at the end that nothing was misused and nothing left
// behind.
class StandinCudaSession {
  public:
    StandinCudaSession() {
        setenv("TERAIO_CUDA_PATH", TIO_STANDIN_CUDA, 1);
        tio_standin_cuda_reset();
    }
    ~StandinCudaSession() {
        for (Gate& gate : gates_) gate.open();
        if (!misuse_expected_) expect_nothing_left();
        tio_standin_cuda_reset();
        unsetenv("TERAIO_CUDA_PATH");
    }
    StandinCudaSession(const StandinCudaSession&) = delete;
    StandinCudaSession& operator=(const StandinCudaSession&) = delete;

    // For tests of the stand-in itself: misuse, and what it leaves behind, is then no failure at the end.
    void expect_misuse(const std::string& text) {
        EXPECT_NE(std::string::npos, misuse().find(text)) << misuse();
        misuse_expected_ = true;
    }
    static void expect_nothing_left() {
        EXPECT_EQ("", misuse());
        const auto left = counts();
        EXPECT_EQ(0u, left.device_allocations);
        EXPECT_EQ(0u, left.pinned_bytes);
        EXPECT_EQ(0u, left.streams);
        EXPECT_EQ(0u, left.events);
        EXPECT_EQ(0u, left.modules);
        EXPECT_EQ(0u, left.contexts_retained);
    }

    static std::string misuse() { return standin_text(&tio_standin_cuda_misuse); }
    static std::string journal() { return standin_text(&tio_standin_cuda_journal); }
    static tio_standin_cuda_counts counts() {
        tio_standin_cuda_counts counts{};
        tio_standin_cuda_get_counts(&counts);
        return counts;
    }

    // A "kernel" that ends when its gate is opened: the streams' work stands still until a test wants it to
    // go on.
    void hold(void* stream, size_t gate = 0) {
        const auto pass = [](void* held) { static_cast<Gate*>(held)->pass(); };
        EXPECT_EQ(0, tio_standin_cuda_launch(stream, pass, &gates_[gate]));
    }
    void let_go(size_t gate = 0) { gates_[gate].open(); }

  private:
    // Live as long as the session: a stream may be inside when its test has ended.
    Gate gates_[4];
    bool misuse_expected_ = false;
};

}  // namespace tio::gds::testing
