// Random reads and writes against a model in memory.
#include <gtest/gtest.h>

#include <random>
#include <tuple>

#include "abi_handles.h"
#include "memory.h"
#include "temporary_file.h"

using namespace tio::gds::testing;

namespace {

constexpr size_t extent_bytes = 96 * 1024;
constexpr size_t extents = 24;
constexpr size_t rounds = 40;

// Each extent is used by at most one request at a time, as the store does it; whatever the order of
// completion, the model then knows the contents.
class Model {
  public:
    Model(uint64_t seed, tio_gds_file* file) : random_(seed), file_(file), bytes_(extents * extent_bytes) {
        for (auto& area : areas_) area.assign(extent_bytes + 8192, 0);
    }

    tio_gds_request random_request(size_t extent, uint32_t offset_alignment) {
        const size_t blocks = extent_bytes / 2 / offset_alignment;
        const size_t begin = random_() % blocks * offset_alignment;
        const size_t length = 1 + random_() % (extent_bytes - begin - offset_alignment);
        char* memory = areas_[extent].data() + random_() % 4096;
        const bool write = random_() % 2 == 0;
        auto request = request_of(write ? TIO_OP_WRITE : TIO_OP_READ, file_, memory,
                                  extent * extent_bytes + begin, length, extent);
        request.priority = static_cast<int32_t>(random_() % 3);
        if (write) fill(request, offset_alignment);
        return request;
    }

    void check_read(const tio_gds_request& request) const {
        const auto* memory = static_cast<const char*>(request.memory);
        const auto from = bytes_.begin() + static_cast<ptrdiff_t>(request.offset);
        EXPECT_TRUE(std::equal(memory, memory + request.length, from))
            << "offset " << request.offset << ", length " << request.length;
    }

    const std::vector<char>& bytes() const { return bytes_; }

  private:
    void fill(const tio_gds_request& request, uint32_t offset_alignment) {
        const uint64_t seed = random_();
        auto* memory = static_cast<char*>(request.memory);
        for (size_t i = 0; i < request.length; ++i)
            bytes_[request.offset + i] = memory[i] = pattern_at(i, seed);
        for (size_t i = request.length; i % offset_alignment != 0; ++i) bytes_[request.offset + i] = 0;
    }

    std::mt19937_64 random_;
    tio_gds_file* file_;
    std::vector<char> bytes_;
    std::vector<char> areas_[extents];
};

using Setting = std::tuple<uint32_t, bool, uint64_t>;  // backend, direct, seed

class RandomTransfers : public ::testing::TestWithParam<Setting> {};

std::string setting_name(const ::testing::TestParamInfo<Setting>& info) {
    return std::string(std::get<0>(info.param) == TIO_BACKEND_URING ? "Uring" : "Threads") +
           (std::get<1>(info.param) ? "Direct" : "Buffered") + std::to_string(std::get<2>(info.param));
}

}  // namespace

INSTANTIATE_TEST_SUITE_P(, RandomTransfers,
                         ::testing::Combine(::testing::Values(TIO_BACKEND_URING, TIO_BACKEND_THREADS),
                                            ::testing::Bool(), ::testing::Values(1, 2, 3)),
                         setting_name);

TEST_P(RandomTransfers, AgreeWithTheModel) {
    const auto [backend, direct, seed] = GetParam();
    if (!backend_is_available(backend)) GTEST_SKIP() << "io_uring is refused on this machine";
    const TemporaryDirectory directory;
    write_whole_file(directory.file("f"), std::vector<char>(extents * extent_bytes));
    const OpenFile file(directory.file("f"), direct ? TIO_FILE_DIRECT : 0);
    auto options = queue_options(backend);
    options.chunk_bytes = 8192;
    options.queue_depth = 7;
    options.bounce_chunks = 3;
    const OpenQueue queue(options);
    Model model(seed, file.get());

    for (size_t round = 0; round < rounds; ++round) {
        std::vector<tio_gds_request> requests;
        for (size_t extent = 0; extent < extents; ++extent)
            requests.push_back(model.random_request(extent, file.info().offset_alignment));
        queue.submit(requests);
        for (const auto& completion : queue.collect(extents)) {
            const auto& request = requests[completion.token];
            ASSERT_EQ(TIO_OK, completion.status) << "errno " << completion.sys_errno;
            ASSERT_EQ(request.length, completion.bytes);
            if (request.op == TIO_OP_READ) model.check_read(request);
        }
    }
    EXPECT_EQ(model.bytes(), read_whole_file(directory.file("f")));
}
