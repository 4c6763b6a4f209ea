// Transfers between device memory and files through cuFile.
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "standin_cufile_session.h"

using namespace tio::gds;
using namespace tio::gds::testing;

namespace {

constexpr size_t kib = 1024;

class CufileBackend : public CufileTest {
  protected:
    static tio_gds_queue_options chunks_of(uint32_t bytes, uint32_t depth = 1) {
        tio_gds_queue_options options = queue_options(TIO_BACKEND_CUFILE);
        options.chunk_bytes = bytes;
        options.queue_depth = depth;
        return options;
    }
    std::string path() const { return directory_.file("data"); }
};

// One file and one queue of one worker, 64 KiB of device memory.
class CufileTransfer : public CufileBackend {
  protected:
    tio_gds_completion read(uint64_t length, uint64_t offset = 0) {
        return queue_.run(device_request(TIO_OP_READ, file_.get(), memory_.get(), offset, length));
    }
    tio_gds_completion write(uint64_t length, uint64_t offset = 0) {
        return queue_.run(device_request(TIO_OP_WRITE, file_.get(), memory_.get(), offset, length));
    }
    void fill_file(size_t bytes) { write_whole_file(path(), pattern(bytes, 1)); }

    OpenFile file_{path(), TIO_FILE_CREATE | TIO_FILE_DIRECT};
    DeviceMemory memory_{64 * kib};
    OpenQueue queue_{chunks_of(16 * kib)};
};

}  // namespace

TEST_F(CufileTransfer, BringsBackWhatItWrote) {
    const auto bytes = pattern(64 * kib, 7);
    std::memcpy(memory_.view(), bytes.data(), bytes.size());
    EXPECT_EQ(TIO_OK, write(bytes.size()).status);
    EXPECT_EQ(bytes, read_whole_file(path()));
    std::memset(memory_.view(), 0, bytes.size());
    const auto completion = read(bytes.size());
    EXPECT_EQ(TIO_OK, completion.status);
    EXPECT_EQ(bytes.size(), completion.bytes);
    EXPECT_EQ(0, std::memcmp(bytes.data(), memory_.view(), bytes.size()));
    EXPECT_EQ(8u, counts().transfers);
    EXPECT_EQ(0u, counts().unaligned_transfers);
    EXPECT_EQ(0u, queue_.statistics().bounced_chunks);
}

TEST_F(CufileTransfer, RegistersAFileOnce) {
    fill_file(64 * kib);
    read(64 * kib);
    read(64 * kib);
    EXPECT_EQ(1u, tio_standin_cufile_calls("cuFileHandleRegister"));
}

TEST_F(CufileTransfer, OfAnOddLengthTakesTheSlowWayForOneBlockOnly) {
    const auto bytes = pattern(20001, 3);
    std::memcpy(memory_.view(), bytes.data(), bytes.size());
    memory_.view()[20001] = 'x';
    EXPECT_EQ(20001u, write(20001).bytes);
    EXPECT_EQ(bytes, read_whole_file(path()));
    // 16384; then 0 whole blocks of the second chunk's 3617 bytes.
    EXPECT_EQ(2u, counts().transfers);
    EXPECT_EQ(1u, counts().unaligned_transfers);
    EXPECT_EQ(10001u, read(10001).bytes);
    // 8192 and 1809: the whole blocks apart from the rest.
    EXPECT_EQ(4u, counts().transfers);
    EXPECT_EQ(2u, counts().unaligned_transfers);
    EXPECT_EQ(0u, queue_.statistics().short_transfers);
    EXPECT_EQ('x', memory_.view()[20001]);
}

TEST_F(CufileTransfer, GoesOnAfterAShortCount) {
    fill_file(16 * kib);
    tio_standin_cufile_order_transfer(1, 12 * kib, 0);
    const auto completion = read(16 * kib);
    EXPECT_EQ(TIO_OK, completion.status);
    EXPECT_EQ(16 * kib, completion.bytes);
    EXPECT_EQ(1u, queue_.statistics().short_transfers);
    EXPECT_EQ(0, std::memcmp(pattern(16 * kib, 1).data(), memory_.view(), 16 * kib));
}

TEST_F(CufileTransfer, GoesOnAfterACountThatEndsInsideABlock) {
    const auto bytes = pattern(16 * kib, 5);
    std::memcpy(memory_.view(), bytes.data(), bytes.size());
    tio_standin_cufile_order_transfer(1, 5000, 0);
    EXPECT_EQ(TIO_OK, write(16 * kib).status);
    EXPECT_EQ(bytes, read_whole_file(path()));
}

TEST_F(CufileTransfer, EndsShortAtTheEndOfTheFile) {
    fill_file(10000);
    const auto completion = read(16 * kib);
    EXPECT_EQ(TIO_E_SHORT, completion.status);
    EXPECT_EQ(10000u, completion.bytes);
}

TEST_F(CufileTransfer, ReportsTheErrnoOfTheFileSystem) {
    tio_standin_cufile_order_transfer(1, -1, EIO);
    auto completion = write(4096);
    EXPECT_EQ(TIO_E_IO, completion.status);
    EXPECT_EQ(EIO, completion.sys_errno);
    tio_standin_cufile_order_transfer(1, -1, ENOSPC);
    completion = write(4096);
    EXPECT_EQ(TIO_E_FULL, completion.status);
    EXPECT_EQ(ENOSPC, completion.sys_errno);
    tio_standin_cufile_order_transfer(1, -1, 0);
    EXPECT_EQ(EIO, write(4096).sys_errno);
}

TEST_F(CufileTransfer, TakesASmallNegativeResultForAnErrno) {
    tio_standin_cufile_order_transfer(1, -5, 0);
    const auto completion = read(4096);
    EXPECT_EQ(TIO_E_IO, completion.status);
    EXPECT_EQ(EIO, completion.sys_errno);
}

TEST_F(CufileTransfer, TriesAgainWhatWasInterrupted) {
    fill_file(4096);
    tio_standin_cufile_order_transfer(1, -1, EINTR);
    EXPECT_EQ(TIO_OK, read(4096).status);
    EXPECT_EQ(1u, queue_.statistics().retried_transfers);
}

TEST_F(CufileTransfer, ReportsEachOfCufilesCodesAsItIs) {
    for (int code = 5001; code <= 5051; ++code) {
        tio_standin_cufile_order_transfer(1, -code, 0);
        const auto completion = code % 2 == 0 ? read(4096) : write(4096);
        EXPECT_EQ(TIO_E_DEVICE, completion.status);
        EXPECT_EQ(code, completion.sys_errno);
        EXPECT_EQ(0u, completion.bytes);
    }
}

TEST_F(CufileTransfer, DropsTheRestOfARequestAfterAnError) {
    tio_standin_cufile_order_transfer(2, -5044, 0);
    const auto completion = write(64 * kib);
    EXPECT_EQ(TIO_E_DEVICE, completion.status);
    EXPECT_EQ(16 * kib, completion.bytes);
    EXPECT_EQ(2u, counts().transfers);
}

TEST_F(CufileTransfer, ReportsEachCodeWithWhichAFileIsRefusedAndTriesTheNextTimeAgain) {
    for (int code = 5001; code <= 5051; ++code) {
        tio_standin_cufile_fail_call("cuFileHandleRegister", 1, code, 0);
        const auto completion = read(4096);
        EXPECT_EQ(TIO_E_DEVICE, completion.status);
        EXPECT_EQ(code, completion.sys_errno);
    }
    EXPECT_EQ(TIO_OK, write(4096).status);
}

TEST_F(CufileTransfer, OfMemoryThatIsNoDevicesIsInvalid) {
    const AlignedMemory host = aligned_memory(4096);
    const auto completion = queue_.run(device_request(TIO_OP_READ, file_.get(), host.get(), 0, 4096));
    EXPECT_EQ(TIO_E_INVALID, completion.status);
    EXPECT_EQ(0u, counts().transfers);
}

TEST_F(CufileTransfer, WithoutAContextEndsWithTheDriversStatus) {
    tio_standin_cuda_fail_call("cuCtxSetCurrent", 1, 201);
    EXPECT_EQ(TIO_E_DEVICE, read(4096).status);
}

TEST_F(CufileTransfer, BeginsAtAMultipleOf4096) {
    queue_.expect_refused(device_request(TIO_OP_READ, file_.get(), memory_.get(), 512, 4096), "4096");
}

TEST_F(CufileTransfer, OfHostMemoryIsNotAccepted) {
    const AlignedMemory host = aligned_memory(4096);
    queue_.expect_refused(request_of(TIO_OP_READ, file_.get(), host.get(), 0, 4096), "memory_kind");
}

TEST_F(CufileTransfer, StopsBetweenCallsWhenCancelled) {
    tio_standin_cufile_hold(1);
    tio_standin_cufile_order_transfer(1, 4096, 0);
    queue_.submit({device_request(TIO_OP_WRITE, file_.get(), memory_.get(), 0, 64 * kib)});
    tio_standin_cufile_wait_for_transfers(1);
    ASSERT_TIO_OK(tio_gds_cancel(queue_.get(), 1));
    tio_standin_cufile_hold(0);
    const auto completion = queue_.collect(1).front();
    EXPECT_EQ(TIO_E_CANCELED, completion.status);
    EXPECT_EQ(4096u, completion.bytes);
    EXPECT_EQ(1u, counts().transfers);
}

TEST_F(CufileTransfer, KeepsItsFileFromClosing) {
    tio_standin_cufile_hold(1);
    queue_.submit({device_request(TIO_OP_WRITE, file_.get(), memory_.get(), 0, 4096)});
    tio_standin_cufile_wait_for_transfers(1);
    EXPECT_EQ(TIO_E_INVALID, tio_gds_file_close(file_.get()));
    tio_standin_cufile_hold(0);
    EXPECT_EQ(TIO_OK, queue_.collect(1).front().status);
}

TEST_F(CufileBackend, DeregistersAFileBeforeItsDescriptorCloses) {
    const DeviceMemory memory(4096);
    const OpenQueue queue(TIO_BACKEND_CUFILE);
    {
        const OpenFile file(path(), TIO_FILE_CREATE);
        queue.run(device_request(TIO_OP_WRITE, file.get(), memory.get(), 0, 4096));
        EXPECT_EQ(1u, counts().handles);
    }
    EXPECT_EQ(0u, counts().handles);
}

TEST_F(CufileBackend, RegistersAFileAgainWithTheNextDriver) {
    const DeviceMemory memory(4096);
    const OpenFile file(path(), TIO_FILE_CREATE);
    for (int round = 0; round < 2; ++round) {
        const OpenQueue queue(TIO_BACKEND_CUFILE);
        EXPECT_EQ(TIO_OK, queue.run(device_request(TIO_OP_WRITE, file.get(), memory.get(), 0, 4096)).status);
    }
    EXPECT_EQ(2u, tio_standin_cufile_calls("cuFileHandleRegister"));
    EXPECT_EQ(0u, counts().handles);
}

TEST_F(CufileBackend, KeepsAsManyTransfersInFlightAsTheQueueIsDeep) {
    const DeviceMemory memory(64 * kib);
    const OpenFile file(path(), TIO_FILE_CREATE);
    const OpenQueue queue(chunks_of(4096, 8));
    tio_standin_cufile_hold(1);
    queue.submit({device_request(TIO_OP_WRITE, file.get(), memory.get(), 0, 64 * kib)});
    tio_standin_cufile_wait_for_transfers(8);
    EXPECT_EQ(8u, queue.statistics().in_flight_chunks);
    tio_standin_cufile_hold(0);
    EXPECT_EQ(64 * kib, queue.collect(1).front().bytes);
}

TEST_F(CufileBackend, FinishesWhatIsInFlightBeforeTheQueueGoes) {
    const DeviceMemory memory(64 * kib);
    const OpenFile file(path(), TIO_FILE_CREATE);
    OpenQueue queue(chunks_of(4096, 2));
    tio_standin_cufile_hold(1);
    queue.submit({device_request(TIO_OP_WRITE, file.get(), memory.get(), 0, 64 * kib)});
    tio_standin_cufile_wait_for_transfers(2);
    std::thread destroyer([&queue] { queue.destroy(); });
    tio_standin_cufile_hold(0);
    destroyer.join();
}

TEST_F(CufileBackend, WorksWithTheOldestRelease) {
    use_release(TIO_STANDIN_CUFILE_OLD);
    const DeviceMemory memory(4096);
    const OpenFile file(path(), TIO_FILE_CREATE);
    const OpenQueue queue(TIO_BACKEND_CUFILE);
    EXPECT_EQ(TIO_OK, queue.run(device_request(TIO_OP_WRITE, file.get(), memory.get(), 0, 4096)).status);
}

// Random requests of many sizes against a copy of the file in memory.
TEST_F(CufileBackend, AgreesWithAModelOnRandomTransfers) {
    constexpr size_t extent = 32 * kib;
    constexpr size_t extents = 8;
    const DeviceMemory memory(extents * extent);
    const OpenFile file(path(), TIO_FILE_CREATE | TIO_FILE_DIRECT);
    const OpenQueue queue(chunks_of(8 * kib, 4));
    uint32_t buffer = 0;
    ASSERT_TIO_OK(
        tio_gds_buffer_register(queue.get(), memory.get(), extents / 2 * extent, TIO_MEMORY_CUDA, &buffer));
    std::vector<std::vector<char>> model(extents);
    unsigned state = 12345;
    const auto next = [&state](unsigned below) {
        return (state = state * 1664525u + 1013904223u) / 65536 % below;
    };
    for (uint64_t round = 0; round < 100; ++round) {
        std::vector<tio_gds_request> requests;
        for (size_t i = 0; i < extents; ++i) {
            if (next(3) == 0) continue;
            char* view = memory.view() + i * extent;
            const bool writes = model[i].empty() || next(2) == 0;
            if (writes) {
                model[i] = pattern(1 + next(extent), round * extents + i);
                std::memcpy(view, model[i].data(), model[i].size());
            } else {
                std::memset(view, 0, extent);
            }
            auto request = device_request(writes ? TIO_OP_WRITE : TIO_OP_READ, file.get(),
                                          memory.get() + i * extent, i * extent, model[i].size(), i);
            if (i < extents / 2) request.buffer_index = buffer;
            requests.push_back(request);
        }
        queue.submit(requests);
        for (const auto& completion : queue.collect(requests.size())) {
            ASSERT_EQ(TIO_OK, completion.status);
            const auto& expected = model[completion.token];
            ASSERT_EQ(expected.size(), completion.bytes);
            ASSERT_EQ(
                0, std::memcmp(expected.data(), memory.view() + completion.token * extent, expected.size()));
        }
    }
    ASSERT_TIO_OK(tio_gds_buffer_unregister(queue.get(), buffer));
}
