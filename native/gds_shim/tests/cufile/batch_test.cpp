// Batches: entries end one by one, in any order, whatever the call said.
#include "cufile/batch.h"

#include <cerrno>
#include <cstring>
#include <map>

#include "cufile/driver.h"
#include "standin_cufile_session.h"

using namespace tio::gds;
using namespace tio::gds::testing;
using cufile::Batch;
using cufile::BatchRequest;
using cufile::BatchResult;
using std::chrono::milliseconds;

namespace {

constexpr size_t block = 4096;

class CufileBatch : public CufileTest {
  protected:
    cufile::Handle handle() {
        cufile::Handle handle = nullptr;
        EXPECT_EQ(0, driver_->files().handle_of(*file_.get(), handle).code);
        return handle;
    }
    std::vector<BatchRequest> writes(size_t count) {
        std::vector<BatchRequest> requests;
        for (size_t i = 0; i < count; ++i)
            requests.push_back({handle(), true, memory_.get(), static_cast<off_t>(i * block),
                                static_cast<off_t>(i * block), block});
        return requests;
    }
    std::unique_ptr<Batch> batch_of(unsigned entries, bool may_be_compatibility = false) {
        return std::make_unique<Batch>(driver_->library(), driver_->properties(), entries,
                                       may_be_compatibility);
    }

    OpenFile file_{directory_.file("data"), TIO_FILE_CREATE};
    DeviceMemory memory_{16 * block};
    cufile::DriverUse driver_;
    cuda::PrimaryContext context_{cuda::Driver::shared(), 0};
    cuda::CurrentContext current_{context_};
};

}  // namespace

TEST_F(CufileBatch, MovesEveryEntryAndTellsWhich) {
    const auto bytes = pattern(4 * block, 1);
    std::memcpy(memory_.view(), bytes.data(), bytes.size());
    const auto batch = batch_of(4);
    batch->submit(writes(4));
    const auto results = batch->collect(4, milliseconds(1000));
    ASSERT_EQ(4u, results.size());
    // The stand-in reports the last first.
    for (size_t i = 0; i < 4; ++i) {
        EXPECT_EQ(3 - i, results[i].index);
        EXPECT_EQ(block, results[i].bytes);
        EXPECT_EQ(0, results[i].code);
    }
    EXPECT_EQ(0u, batch->unfinished());
    EXPECT_EQ(bytes, read_whole_file(directory_.file("data")));

    std::memset(memory_.view(), 0, bytes.size());
    auto reads = writes(4);
    for (BatchRequest& request : reads) request.is_write = false;
    const auto second = batch_of(4);
    second->submit(reads);
    EXPECT_EQ(4u, second->collect(4, milliseconds(1000)).size());
    EXPECT_EQ(0, std::memcmp(bytes.data(), memory_.view(), bytes.size()));
}

TEST_F(CufileBatch, EndsEachEntryInItsOwnWay) {
    tio_standin_cufile_order_entry(0, cufile::batch_failed, -5044);
    tio_standin_cufile_order_entry(1, cufile::batch_canceled, 77);
    tio_standin_cufile_order_entry(2, cufile::batch_timeout, 77);
    tio_standin_cufile_order_entry(3, cufile::batch_invalid, 77);
    tio_standin_cufile_order_entry(4, cufile::batch_complete, -5);
    tio_standin_cufile_order_entry(5, cufile::batch_failed, 77);
    tio_standin_cufile_order_entry(6, cufile::batch_complete, 512);
    const auto batch = batch_of(8);
    batch->submit(writes(8));
    std::map<size_t, BatchResult> by_index;
    for (const BatchResult& result : batch->collect(8, milliseconds(1000))) by_index[result.index] = result;
    ASSERT_EQ(8u, by_index.size());
    const int codes[] = {5044, ECANCELED, ETIMEDOUT, EINVAL, EIO, EIO, 0, 0};
    const uint64_t bytes[] = {0, 0, 0, 0, 0, 0, 512, block};
    for (size_t i = 0; i < 8; ++i) {
        EXPECT_EQ(codes[i], by_index[i].code) << i;
        EXPECT_EQ(bytes[i], by_index[i].bytes) << i;
    }
}

TEST_F(CufileBatch, AsksAgainWhenFewerComeThanWereWanted) {
    tio_standin_cufile_limit_poll(1);
    const auto batch = batch_of(3);
    batch->submit(writes(3));
    EXPECT_EQ(3u, batch->collect(3, milliseconds(10000)).size());
    EXPECT_EQ(3u, tio_standin_cufile_calls("cuFileBatchIOGetStatus"));
}

TEST_F(CufileBatch, DoesNotCountEntriesThatAreStillWaiting) {
    tio_standin_cufile_order_entry(0, cufile::batch_pending, 0);
    tio_standin_cufile_order_entry(1, cufile::batch_waiting, 0);
    const auto batch = batch_of(2);
    batch->submit(writes(2));
    EXPECT_TRUE(batch->collect(2, milliseconds(0)).empty());
    EXPECT_EQ(2u, batch->unfinished());
}

TEST_F(CufileBatch, IsCancelledAtBest) {
    const auto batch = batch_of(2);
    batch->submit(writes(2));
    batch->cancel();
    for (const BatchResult& result : batch->collect(2, milliseconds(1000))) EXPECT_EQ(ECANCELED, result.code);
}

TEST_F(CufileBatch, StaysWithinTheDriversLimitAndThePoolOfCompatibilityMode) {
    EXPECT_EQ(TIO_E_INVALID, status_of([&] { batch_of(0); }));
    EXPECT_EQ(TIO_E_INVALID, status_of([&] { batch_of(129); }));
    EXPECT_EQ(TIO_OK, status_of([&] { batch_of(128); }));
    EXPECT_EQ(TIO_E_INVALID, status_of([&] { batch_of(65, true); }));
    EXPECT_EQ(TIO_OK, status_of([&] { batch_of(64, true); }));
    EXPECT_EQ(2u, tio_standin_cufile_calls("cuFileBatchIOSetUp"));
}

TEST_F(CufileBatch, IsSubmittedOnceWithNoMoreThanItHolds) {
    const auto batch = batch_of(2);
    EXPECT_EQ(TIO_E_INVALID, status_of([&] { batch->submit({}); }));
    EXPECT_EQ(TIO_E_INVALID, status_of([&] { batch->submit(writes(3)); }));
    batch->submit(writes(1));
    EXPECT_EQ(TIO_E_INVALID, status_of([&] { batch->submit(writes(1)); }));
}

TEST_F(CufileBatch, ReportsTheCodeOfEachCallThatFails) {
    for (const int code : {5037, 5039, 5040, 5041, 5042}) {
        tio_standin_cufile_fail_call("cuFileBatchIOSetUp", 1, code, 0);
        EXPECT_EQ(TIO_E_BUSY, status_of([&] { batch_of(1); })) << code;
    }
    const auto batch = batch_of(1);
    tio_standin_cufile_fail_call("cuFileBatchIOSubmit", 1, 5035, 0);
    EXPECT_EQ(TIO_E_DEVICE, status_of([&] { batch->submit(writes(1)); }));
    tio_standin_cufile_fail_call("cuFileBatchIOSubmit", 1, 5049, 0);
    EXPECT_EQ(TIO_E_UNSUPPORTED, status_of([&] { batch->submit(writes(1)); }));
    batch->submit(writes(1));
    tio_standin_cufile_fail_call("cuFileBatchIOGetStatus", 1, 5041, 0);
    EXPECT_EQ(TIO_E_BUSY, status_of([&] { batch->collect(1, milliseconds(0)); }));
    tio_standin_cufile_fail_call("cuFileBatchIOCancel", 1, 5042, 0);
    EXPECT_EQ(TIO_E_BUSY, status_of([&] { batch->cancel(); }));
    EXPECT_EQ(1u, batch->collect(1, milliseconds(1000)).size());
}
