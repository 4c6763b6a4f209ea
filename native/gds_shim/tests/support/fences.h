// Fences of the stand-in's device, for tests: every failure of a call that must work is reported with its
// text.
#pragma once

#include <gtest/gtest.h>

#include "abi_handles.h"

namespace tio::gds::testing {

class OpenGpu {
  public:
    explicit OpenGpu(uint32_t waits = TIO_WAITS_ON_STREAMS) {
        tio_gds_gpu_options options{};
        options.struct_size = sizeof(options);
        options.waits = waits;
        EXPECT_EQ(TIO_OK, tio_gds_gpu_open(&options, &handle_)) << last_error_text();
    }
    ~OpenGpu() { close(); }
    OpenGpu(const OpenGpu&) = delete;
    OpenGpu& operator=(const OpenGpu&) = delete;

    tio_gds_gpu* get() const { return handle_; }
    void close() {
        EXPECT_EQ(TIO_OK, tio_gds_gpu_close(handle_)) << last_error_text();
        handle_ = nullptr;
    }
    tio_gds_gpu_info info() const {
        tio_gds_gpu_info info{};
        info.struct_size = sizeof(info);
        EXPECT_EQ(TIO_OK, tio_gds_gpu_get_info(handle_, &info)) << last_error_text();
        return info;
    }

  private:
    tio_gds_gpu* handle_ = nullptr;
};

class OpenFence {
  public:
    explicit OpenFence(const OpenGpu& gpu) {
        EXPECT_EQ(TIO_OK, tio_gds_fence_create(gpu.get(), &handle_)) << last_error_text();
    }
    ~OpenFence() { destroy(); }
    OpenFence(const OpenFence&) = delete;
    OpenFence& operator=(const OpenFence&) = delete;

    tio_gds_fence* get() const { return handle_; }
    void destroy() {
        EXPECT_EQ(TIO_OK, tio_gds_fence_destroy(handle_)) << last_error_text();
        handle_ = nullptr;
    }
    void record(void* stream) const {
        EXPECT_EQ(TIO_OK, tio_gds_fence_record(handle_, stream)) << last_error_text();
    }
    void arm(uint32_t transfers = 1) const {
        EXPECT_EQ(TIO_OK, tio_gds_fence_arm(handle_, transfers)) << last_error_text();
    }
    void signal(tio_status status = TIO_OK, int32_t sys_errno = 0) const {
        EXPECT_EQ(TIO_OK, tio_gds_fence_signal(handle_, status, sys_errno)) << last_error_text();
    }
    uint32_t make_wait(void* stream) const {
        uint32_t how = 99;
        EXPECT_EQ(TIO_OK, tio_gds_fence_make_wait(handle_, stream, &how)) << last_error_text();
        return how;
    }
    tio_gds_fence_state state() const {
        tio_gds_fence_state state{};
        state.struct_size = sizeof(state);
        EXPECT_EQ(TIO_OK, tio_gds_fence_get_state(handle_, &state)) << last_error_text();
        return state;
    }
    tio_status wait(int32_t timeout_ms = -1) const { return tio_gds_fence_wait(handle_, timeout_ms); }

  private:
    tio_gds_fence* handle_ = nullptr;
};

}  // namespace tio::gds::testing
