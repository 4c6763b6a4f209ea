// Fresh stand-ins for libcuda and libcufile, for the time of a test. Test doubles: nothing here says anything
// about a GPU or about GPUDirect Storage.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "abi_handles.h"
#include "cuda/driver.h"
#include "memory.h"
#include "standin_cuda_session.h"
#include "standin_cufile.h"
#include "standin_device_memory.h"
#include "temporary_file.h"

namespace tio::gds::testing {

// Points the shim at both stand-ins and expects at the end that nothing was misused or left behind.
class CufileTest : public ::testing::Test {
  protected:
    CufileTest() {
        use_release(TIO_STANDIN_CUFILE);
        tio_standin_cufile_reset();
        EXPECT_EQ(cuda::success, cuda::Driver::shared().init(0));
    }
    ~CufileTest() override {
        tio_standin_cufile_hold(0);
        EXPECT_EQ("", misuse());
        const tio_standin_cufile_counts left = counts();
        EXPECT_EQ(0u, left.drivers_open);
        EXPECT_EQ(0u, left.handles);
        EXPECT_EQ(0u, left.buffers);
        EXPECT_EQ(0u, left.streams);
        EXPECT_EQ(0u, left.batches);
        configure({});
        unsetenv("TERAIO_CUFILE_PATH");
    }

    // Which age of libcufile the next opening finds.
    static void use_release(const char* path) { setenv("TERAIO_CUFILE_PATH", path, 1); }
    static std::string misuse() { return standin_text(&tio_standin_cufile_misuse); }
    static tio_standin_cufile_counts counts() {
        tio_standin_cufile_counts counts{};
        tio_standin_cufile_get_counts(&counts);
        return counts;
    }
    static tio_status configure(tio_gds_cufile_options options) {
        options.struct_size = sizeof(options);
        return tio_gds_cufile_configure(&options);
    }
    // Creates no queue: what it says of one.
    static std::string refusal_of_a_queue(tio_status expected) {
        const tio_gds_queue_options options = queue_options(TIO_BACKEND_CUFILE);
        tio_gds_queue* queue = nullptr;
        EXPECT_EQ(expected, tio_gds_queue_create(&options, &queue));
        EXPECT_EQ(nullptr, queue);
        return last_error_text();
    }
    template <typename Body>
    static tio_status status_of(Body body) {
        try {
            body();
        } catch (const Failure& failure) {
            return failure.status();
        }
        return TIO_OK;
    }
    static bool contains(const std::string& text, const std::string& part) {
        return text.find(part) != std::string::npos;
    }

    StandinCudaSession cuda_;
    TemporaryDirectory directory_;
};

}  // namespace tio::gds::testing
