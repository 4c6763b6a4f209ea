// RAII over the C ABI, for tests only: every failure of a call that must work is reported with its text.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "tio_gds.h"

namespace tio::gds::testing {

inline std::string last_error_text() {
    char text[1024] = "";
    tio_gds_last_error(text, sizeof(text));
    return text;
}

#define ASSERT_TIO_OK(call)                                                                               \
    do {                                                                                                  \
        const tio_status tio_status_of_call = (call);                                                     \
        ASSERT_EQ(TIO_OK, tio_status_of_call) << #call << ": " << tio_gds_status_name(tio_status_of_call) \
                                              << ": " << ::tio::gds::testing::last_error_text();          \
    } while (false)

class OpenFile {
  public:
    OpenFile(const std::string& path, uint32_t flags) {
        status_ = tio_gds_file_open(path.c_str(), flags, &handle_);
        EXPECT_EQ(TIO_OK, status_) << last_error_text();
    }
    ~OpenFile() { EXPECT_EQ(TIO_OK, tio_gds_file_close(handle_)) << last_error_text(); }
    OpenFile(const OpenFile&) = delete;
    OpenFile& operator=(const OpenFile&) = delete;

    tio_gds_file* get() const { return handle_; }
    tio_gds_file_info info() const {
        tio_gds_file_info info{};
        info.struct_size = sizeof(info);
        EXPECT_EQ(TIO_OK, tio_gds_file_get_info(handle_, &info)) << last_error_text();
        return info;
    }

  private:
    tio_status status_;
    tio_gds_file* handle_ = nullptr;
};

inline tio_gds_queue_options queue_options(uint32_t backend) {
    tio_gds_queue_options options{};
    options.struct_size = sizeof(options);
    options.backend = backend;
    return options;
}

class OpenQueue {
  public:
    explicit OpenQueue(const tio_gds_queue_options& options) {
        EXPECT_EQ(TIO_OK, tio_gds_queue_create(&options, &handle_)) << last_error_text();
    }
    explicit OpenQueue(uint32_t backend) : OpenQueue(queue_options(backend)) {}
    ~OpenQueue() { destroy(); }
    OpenQueue(const OpenQueue&) = delete;
    OpenQueue& operator=(const OpenQueue&) = delete;

    tio_gds_queue* get() const { return handle_; }
    void destroy() {
        EXPECT_EQ(TIO_OK, tio_gds_queue_destroy(handle_)) << last_error_text();
        handle_ = nullptr;
    }

    void submit(const std::vector<tio_gds_request>& requests) const {
        uint32_t accepted = 0;
        ASSERT_TIO_OK(
            tio_gds_submit(handle_, requests.data(), static_cast<uint32_t>(requests.size()), &accepted));
        ASSERT_EQ(requests.size(), accepted);
    }

    void expect_refused(const tio_gds_request& request, const std::string& named) const {
        uint32_t accepted = 99;
        EXPECT_EQ(TIO_E_INVALID, tio_gds_submit(handle_, &request, 1, &accepted));
        EXPECT_EQ(0u, accepted);
        EXPECT_NE(std::string::npos, last_error_text().find(named)) << last_error_text();
    }

    // In the order in which they came.
    std::vector<tio_gds_completion> collect(size_t count) const {
        std::vector<tio_gds_completion> result;
        while (result.size() < count) {
            tio_gds_completion some[16];
            uint32_t came = 0;
            const auto wanted = static_cast<uint32_t>(std::min<size_t>(16, count - result.size()));
            const tio_status status = tio_gds_wait(handle_, some, wanted, -1, &came);
            EXPECT_EQ(TIO_OK, status) << last_error_text();
            if (status != TIO_OK) break;
            result.insert(result.end(), some, some + came);
        }
        return result;
    }

    tio_gds_completion run(const tio_gds_request& request) const {
        submit({request});
        return collect(1).front();
    }

    tio_gds_statistics statistics() const {
        tio_gds_statistics statistics{};
        statistics.struct_size = sizeof(statistics);
        EXPECT_EQ(TIO_OK, tio_gds_get_statistics(handle_, &statistics)) << last_error_text();
        return statistics;
    }

  private:
    tio_gds_queue* handle_ = nullptr;
};

inline tio_gds_request request_of(uint32_t op, tio_gds_file* file, void* memory, uint64_t offset,
                                  uint64_t length, uint64_t token = 1) {
    tio_gds_request request{};
    request.struct_size = sizeof(request);
    request.op = op;
    request.buffer_index = TIO_NO_BUFFER;
    request.file = file;
    request.memory = memory;
    request.offset = offset;
    request.length = length;
    request.token = token;
    return request;
}

inline bool backend_is_available(uint32_t backend) {
    uint32_t mask = 0;
    return tio_gds_available_backends(&mask, nullptr, 0) == TIO_OK && (mask & (1u << backend)) != 0;
}

// Tests of a backend run for each that works here, and are skipped by name where one does not.
class PerBackend : public ::testing::TestWithParam<uint32_t> {
  protected:
    void SetUp() override {
        if (!backend_is_available(GetParam())) GTEST_SKIP() << "io_uring is refused on this machine";
    }
};

inline std::string backend_name(const ::testing::TestParamInfo<uint32_t>& info) {
    switch (info.param) {
        case TIO_BACKEND_URING:
            return "Uring";
        case TIO_BACKEND_THREADS:
            return "Threads";
        case TIO_BACKEND_STAGED:
            return "Staged";
        case TIO_BACKEND_CUFILE:
            return "CuFile";
        default:
            return std::to_string(info.param);
    }
}

#define FOR_EACH_BACKEND(suite) \
    INSTANTIATE_TEST_SUITE_P(, suite, ::testing::Values(TIO_BACKEND_URING, TIO_BACKEND_THREADS), backend_name)

}  // namespace tio::gds::testing
