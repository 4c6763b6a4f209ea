// cuFile's counters, of either layout.
#include "cufile/statistics.h"

#include "standin_cufile_session.h"

using namespace tio::gds;
using namespace tio::gds::testing;

namespace {

class CufileStatistics : public CufileTest {
  protected:
    static tio_gds_cufile_statistics read(tio_status expected = TIO_OK) {
        tio_gds_cufile_statistics statistics{};
        statistics.struct_size = sizeof(statistics);
        EXPECT_EQ(expected, tio_gds_cufile_get_statistics(&statistics)) << last_error_text();
        return statistics;
    }
    // Two writes through the CPU, one read by DMA, one failed read.
    void transfer_and_check() {
        const DeviceMemory memory(8192);
        const OpenFile file(directory_.file("data"), TIO_FILE_CREATE);
        const OpenQueue queue(TIO_BACKEND_CUFILE);
        tio_standin_cufile_set_statistics_gpus(3);
        ASSERT_TIO_OK(tio_gds_cufile_collect_statistics(1));
        tio_standin_cufile_set_route(TIO_STANDIN_ROUTE_POSIX);
        queue.run(device_request(TIO_OP_WRITE, file.get(), memory.get(), 0, 8192));
        queue.run(device_request(TIO_OP_WRITE, file.get(), memory.get(), 0, 4096));
        tio_standin_cufile_set_route(TIO_STANDIN_ROUTE_P2P);
        queue.run(device_request(TIO_OP_READ, file.get(), memory.get(), 0, 4096));
        tio_standin_cufile_order_transfer(1, -5044, 0);
        queue.run(device_request(TIO_OP_READ, file.get(), memory.get(), 0, 4096));
        const auto statistics = read();
        EXPECT_EQ(1u, statistics.reads);
        EXPECT_EQ(1u, statistics.failed_reads);
        EXPECT_EQ(4096u, statistics.read_bytes);
        EXPECT_EQ(2u, statistics.writes);
        EXPECT_EQ(0u, statistics.failed_writes);
        EXPECT_EQ(12288u, statistics.written_bytes);
        EXPECT_EQ(1u, statistics.p2pdma_reads);
        EXPECT_EQ(0u, statistics.posix_reads);
        EXPECT_EQ(2u, statistics.posix_writes);
        EXPECT_EQ(0u, statistics.p2pdma_writes);
        EXPECT_EQ(0u, statistics.nvidia_fs_reads + statistics.nvidia_fs_writes);
        ASSERT_TIO_OK(tio_gds_cufile_collect_statistics(0));
        queue.run(device_request(TIO_OP_READ, file.get(), memory.get(), 0, 4096));
        EXPECT_EQ(1u, read().reads);
    }
};

}  // namespace

TEST_F(CufileStatistics, OfLevel1With512BytesAreRead) {
    transfer_and_check();
}

TEST_F(CufileStatistics, OfLevel1With624BytesAreRead) {
    use_release(TIO_STANDIN_CUFILE_VECTOR);
    transfer_and_check();
}

TEST_F(CufileStatistics, OfAnUnknownLayoutAreRefused) {
    const OpenQueue queue(TIO_BACKEND_CUFILE);
    ASSERT_TIO_OK(tio_gds_cufile_collect_statistics(1));
    tio_standin_cufile_set_statistics_gpus(17);
    read(TIO_E_UNSUPPORTED);
    EXPECT_TRUE(contains(last_error_text(), "17 GPUs")) << last_error_text();
}

TEST_F(CufileStatistics, NeedAQueueAndCollecting) {
    read(TIO_E_INVALID);
    EXPECT_EQ(TIO_E_INVALID, tio_gds_cufile_collect_statistics(1));
    const OpenQueue queue(TIO_BACKEND_CUFILE);
    read(TIO_E_INVALID);
    EXPECT_TRUE(contains(last_error_text(), "tio_gds_cufile_collect_statistics"));
}

TEST_F(CufileStatistics, AreUnsupportedByAnOldRelease) {
    use_release(TIO_STANDIN_CUFILE_OLD);
    const OpenQueue queue(TIO_BACKEND_CUFILE);
    EXPECT_EQ(TIO_E_UNSUPPORTED, tio_gds_cufile_collect_statistics(1));
    EXPECT_TRUE(contains(last_error_text(), "1.15")) << last_error_text();
}

TEST_F(CufileStatistics, ThatDoNotStartAreReported) {
    const OpenQueue queue(TIO_BACKEND_CUFILE);
    tio_standin_cufile_fail_call("cuFileSetStatsLevel", 1, 5022, 0);
    EXPECT_EQ(TIO_E_INVALID, tio_gds_cufile_collect_statistics(1));
    tio_standin_cufile_fail_call("cuFileStatsStart", 1, 5001, 0);
    EXPECT_EQ(TIO_E_UNSUPPORTED, tio_gds_cufile_collect_statistics(1));
}

TEST_F(CufileStatistics, StopWithTheDriver) {
    {
        const OpenQueue queue(TIO_BACKEND_CUFILE);
        ASSERT_TIO_OK(tio_gds_cufile_collect_statistics(1));
    }
    EXPECT_EQ(1u, tio_standin_cufile_calls("cuFileStatsStop"));
}
