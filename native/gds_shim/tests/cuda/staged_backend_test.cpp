// Device memory to files and back through pinned memory: what arrives, how much is in flight, what is pinned.
#include <gtest/gtest.h>

#include <random>
#include <thread>
#include <tuple>

#include "staged_queue.h"

using namespace tio::gds;
using namespace tio::gds::testing;

namespace {

class StagedBackend : public StagedTest {};

constexpr size_t extent_bytes = 96 * 1024;
constexpr size_t extents = 16;
constexpr size_t rounds = 25;

// Each extent has its own device memory and is used by one request at a time.
class Oracle {
  public:
    Oracle(uint64_t seed, tio_gds_file* file) : random_(seed), file_(file), bytes_(extents * extent_bytes) {}

    tio_gds_request random_request(size_t extent, uint32_t offset_alignment) {
        const size_t blocks = extent_bytes / 2 / offset_alignment;
        const size_t begin = random_() % blocks * offset_alignment;
        const size_t length = 1 + random_() % (extent_bytes - begin - offset_alignment);
        const size_t skipped = random_() % 4096;  // tensors lie anywhere in their segment
        const bool write = random_() % 2 == 0;
        auto request =
            device_request(write ? TIO_OP_WRITE : TIO_OP_READ, file_, areas_[extent].get() + skipped,
                           extent * extent_bytes + begin, length, extent);
        request.priority = static_cast<int32_t>(random_() % 3);
        if (write) fill(request, areas_[extent].view() + skipped, offset_alignment);
        return request;
    }

    void check_read(const tio_gds_request& request) const {
        const auto* memory =
            static_cast<const char*>(tio_standin_cuda_host_view(reinterpret_cast<uint64_t>(request.memory)));
        const auto from = bytes_.begin() + static_cast<ptrdiff_t>(request.offset);
        EXPECT_TRUE(std::equal(memory, memory + request.length, from))
            << "offset " << request.offset << ", length " << request.length;
    }

    const std::vector<char>& bytes() const { return bytes_; }

  private:
    void fill(const tio_gds_request& request, char* memory, uint32_t offset_alignment) {
        const uint64_t seed = random_();
        for (size_t i = 0; i < request.length; ++i)
            bytes_[request.offset + i] = memory[i] = pattern_at(i, seed);
        for (size_t i = request.length; i % offset_alignment != 0; ++i) bytes_[request.offset + i] = 0;
    }

    struct Area : DeviceMemory {
        Area() : DeviceMemory(extent_bytes + 8192) {}
    };
    std::mt19937_64 random_;
    tio_gds_file* file_;
    std::vector<char> bytes_;
    Area areas_[extents];
};

using Setting = std::tuple<bool, uint32_t, uint64_t>;  // direct, slots, seed

class RandomStagedTransfers : public StagedTest, public ::testing::WithParamInterface<Setting> {};

std::string setting_name(const ::testing::TestParamInfo<Setting>& info) {
    return std::string(std::get<0>(info.param) ? "Direct" : "Buffered") +
           std::to_string(std::get<1>(info.param)) + "Slots" + std::to_string(std::get<2>(info.param));
}

}  // namespace

INSTANTIATE_TEST_SUITE_P(, RandomStagedTransfers,
                         ::testing::Combine(::testing::Bool(), ::testing::Values(1, 7),
                                            ::testing::Values(1, 2)),
                         setting_name);

TEST_P(RandomStagedTransfers, AgreeWithTheOracle) {
    const auto [direct, slots, seed] = GetParam();
    write_whole_file(directory_.file("f"), std::vector<char>(extents * extent_bytes));
    const OpenFile file(directory_.file("f"), direct ? TIO_FILE_DIRECT : 0);
    const OpenQueue queue(staged_options(slots));
    Oracle oracle(seed, file.get());

    for (size_t round = 0; round < rounds; ++round) {
        std::vector<tio_gds_request> requests;
        for (size_t extent = 0; extent < extents; ++extent)
            requests.push_back(oracle.random_request(extent, file.info().offset_alignment));
        queue.submit(requests);
        for (const auto& completion : queue.collect(extents)) {
            const auto& request = requests[completion.token];
            ASSERT_EQ(TIO_OK, completion.status) << completion.sys_errno;
            ASSERT_EQ(request.length, completion.bytes);
            if (request.op == TIO_OP_READ) oracle.check_read(request);
        }
    }
    EXPECT_EQ(oracle.bytes(), read_whole_file(directory_.file("f")));
    EXPECT_LE(session_.counts().most_pinned_bytes, slots * staged_chunk);
}

TEST_F(StagedBackend, IsAmongTheAvailableOnesWhereADriverIs) {
    uint32_t mask = 0;
    char why[2048] = "";
    ASSERT_TIO_OK(tio_gds_available_backends(&mask, why, sizeof(why)));
    EXPECT_NE(0u, mask & (1u << TIO_BACKEND_STAGED)) << why;
    const OpenQueue queue(staged_options(2));
    uint32_t backend = 0;
    ASSERT_TIO_OK(tio_gds_queue_backend(queue.get(), &backend));
    EXPECT_EQ(static_cast<uint32_t>(TIO_BACKEND_STAGED), backend);
}

TEST_F(StagedBackend, TakesDeviceMemoryOnly) {
    const OpenFile file(directory_.file("f"), TIO_FILE_CREATE);
    const OpenQueue queue(staged_options(2));
    char host[16] = {};
    queue.expect_refused(request_of(TIO_OP_WRITE, file.get(), host, 0, 16), "memory_kind");
}

TEST_F(StagedBackend, FillsEverySlotWithCopiesOfSeveralRequests) {
    const OpenFile file(directory_.file("f"), TIO_FILE_CREATE | TIO_FILE_DIRECT);
    const OpenQueue queue(staged_options(4));
    const DeviceMemory memory(8 * staged_chunk);
    tio_standin_cuda_hold_copies(1);
    for (uint64_t i = 0; i < 8; ++i)
        queue.submit({device_request(TIO_OP_WRITE, file.get(), memory.get() + i * staged_chunk,
                                     i * staged_chunk, staged_chunk, i)});
    tio_standin_cuda_await_copies(4);
    EXPECT_EQ(4u, queue.statistics().in_flight_chunks);
    tio_standin_cuda_hold_copies(0);
    for (const auto& completion : queue.collect(8)) EXPECT_EQ(TIO_OK, completion.status);
    EXPECT_EQ(4u, session_.counts().most_copies_in_flight);
    EXPECT_EQ(8u * staged_chunk, session_.counts().bytes_to_host);
}

TEST_F(StagedBackend, ReadsFromTheDiskWhileCopiesOfTheOtherDirectionStandStill) {
    write_whole_file(directory_.file("f"), pattern(2 * staged_chunk, 5));
    const OpenFile file(directory_.file("f"), TIO_FILE_DIRECT);
    const OpenQueue queue(staged_options(2));
    const DeviceMemory memory(2 * staged_chunk);
    tio_standin_cuda_hold_copies(1);
    queue.submit({device_request(TIO_OP_WRITE, file.get(), memory.get(), 0, staged_chunk, 1),
                  device_request(TIO_OP_READ, file.get(), memory.get() + staged_chunk, staged_chunk,
                                 staged_chunk, 2)});
    // One copy of each direction: the read came as far as its copy while the write waits for its own.
    tio_standin_cuda_await_copies(2);
    tio_standin_cuda_hold_copies(0);
    for (const auto& completion : queue.collect(2)) EXPECT_EQ(TIO_OK, completion.status);
    EXPECT_EQ(0, std::memcmp(memory.view() + staged_chunk, pattern(2 * staged_chunk, 5).data() + staged_chunk,
                             staged_chunk));
}

TEST_F(StagedBackend, PinsNoMoreThanItsBudgetWhateverTheQueueDepth) {
    const OpenFile file(directory_.file("f"), TIO_FILE_CREATE | TIO_FILE_DIRECT);
    auto options = staged_options(3);
    options.pinned_bytes += staged_chunk - 1;  // not quite a fourth
    const OpenQueue queue(options);
    const DeviceMemory memory(64 * staged_chunk);
    EXPECT_EQ(TIO_OK,
              queue.run(device_request(TIO_OP_WRITE, file.get(), memory.get(), 0, 64 * staged_chunk)).status);
    EXPECT_EQ(3u * staged_chunk, session_.counts().most_pinned_bytes);
}

TEST_F(StagedBackend, PinsNoMoreThanTheQueueDepthNeeds) {
    auto options = staged_options(100);
    options.queue_depth = 2;
    const OpenQueue queue(options);
    EXPECT_EQ(2u * staged_chunk, session_.counts().pinned_bytes);
}

TEST_F(StagedBackend, RefusesABudgetWithoutRoomForOneChunk) {
    auto options = staged_options(1);
    --options.pinned_bytes;
    tio_gds_queue* queue = nullptr;
    EXPECT_EQ(TIO_E_INVALID, tio_gds_queue_create(&options, &queue));
    EXPECT_NE(std::string::npos,
              last_error_text().find("pinned_bytes is 16383, less than one chunk of 16384"))
        << last_error_text();
}

TEST_F(StagedBackend, RefusesADeviceThatIsNotThere) {
    auto options = staged_options(1);
    options.device = 3;
    tio_gds_queue* queue = nullptr;
    EXPECT_EQ(TIO_E_INVALID, tio_gds_queue_create(&options, &queue));
    EXPECT_NE(std::string::npos, last_error_text().find("CUDA device 3")) << last_error_text();
}

TEST_F(StagedBackend, LeavesTheCallersThreadItsContext) {
    const OpenQueue queue(staged_options(1));
    cuda::Context context = nullptr;
    ASSERT_EQ(cuda::success, cuda::Driver::shared().context_get_current(&context));
    EXPECT_EQ(nullptr, context);
}

TEST_F(StagedBackend, CancelsAWriteWhoseBytesAreStillBeingCopied) {
    write_whole_file(directory_.file("f"), std::vector<char>(staged_chunk, 'o'));
    const OpenFile file(directory_.file("f"), TIO_FILE_DIRECT);
    const OpenQueue queue(staged_options(1));
    const DeviceMemory memory(2 * staged_chunk);
    tio_standin_cuda_hold_copies(1);
    queue.submit({device_request(TIO_OP_WRITE, file.get(), memory.get(), 0, staged_chunk, 1),
                  device_request(TIO_OP_WRITE, file.get(), memory.get() + staged_chunk, 0, staged_chunk, 2)});
    tio_standin_cuda_await_copies(1);
    ASSERT_TIO_OK(tio_gds_cancel(queue.get(), 2));
    EXPECT_EQ(2u, queue.collect(1).front().token);  // it was only queued
    ASSERT_TIO_OK(tio_gds_cancel(queue.get(), 1));
    tio_standin_cuda_hold_copies(0);
    EXPECT_EQ(TIO_E_CANCELED, queue.collect(1).front().status);
    EXPECT_EQ(std::vector<char>(staged_chunk, 'o'), read_whole_file(directory_.file("f")));
}

TEST_F(StagedBackend, IsDestroyedOnlyWhenNoCopyTouchesMemoryAnyMore) {
    const OpenFile file(directory_.file("f"), TIO_FILE_CREATE | TIO_FILE_DIRECT);
    OpenQueue queue(staged_options(2));
    DeviceMemory memory(4 * staged_chunk);
    tio_standin_cuda_hold_copies(1);
    queue.submit({device_request(TIO_OP_WRITE, file.get(), memory.get(), 0, 4 * staged_chunk)});
    tio_standin_cuda_await_copies(2);
    std::thread destroyer([&] {
        queue.destroy();
        memory.free();  // the stand-in reports a copy that touches it now
    });
    tio_standin_cuda_hold_copies(0);
    destroyer.join();
    EXPECT_EQ(0u, session_.counts().copies_in_flight);
}
