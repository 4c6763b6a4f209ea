// Stream-ordered transfers: what the stream did before is there, and nothing is read before its turn.
#include "cufile/stream_transfer.h"

#include <cerrno>
#include <cstring>
#include <memory>

#include "cufile/driver.h"
#include "gate.h"
#include "standin_cufile_session.h"

using namespace tio::gds;
using namespace tio::gds::testing;
using cufile::RegisteredStream;
using cufile::StreamTransfer;

namespace {

constexpr size_t block = 4096;

class CufileStream : public CufileTest {
  protected:
    CufileStream() {
        EXPECT_EQ(cuda::success, cuda::Driver::shared().stream_create(&stream_, cuda::stream_non_blocking));
        EXPECT_EQ(0, driver_->files().handle_of(*file_.get(), handle_).code);
    }
    ~CufileStream() override {
        synchronize();
        cuda::Driver::shared().stream_destroy(stream_);
    }
    std::unique_ptr<StreamTransfer> enqueue(bool is_write, size_t bytes) {
        return std::make_unique<StreamTransfer>(driver_->library(), driver_->properties(), is_write, handle_,
                                                memory_.get(), bytes, 0, 0, stream_);
    }
    void synchronize() { cuda::Driver::shared().stream_synchronize(stream_); }

    OpenFile file_{directory_.file("data"), TIO_FILE_CREATE};
    DeviceMemory memory_{4 * block};
    cufile::DriverUse driver_;
    cuda::PrimaryContext context_{cuda::Driver::shared(), 0};
    cuda::CurrentContext current_{context_};
    cuda::Stream stream_ = nullptr;
    cufile::Handle handle_ = nullptr;
};

// A "kernel" that waits for the test and then fills memory.
struct Producer {
    Gate gate;
    char* memory;
    static void run(void* self) {
        auto* producer = static_cast<Producer*>(self);
        producer->gate.pass();
        std::memset(producer->memory, 'k', block);
    }
};

}  // namespace

TEST_F(CufileStream, WritesWhatTheKernelBeforeItMade) {
    Producer producer{{}, memory_.view()};
    ASSERT_EQ(0, tio_standin_cuda_launch(stream_, &Producer::run, &producer));
    const auto transfer = enqueue(true, block);
    EXPECT_EQ(0u, counts().transfers);
    producer.gate.open();
    synchronize();
    EXPECT_EQ(block, transfer->result());
    EXPECT_EQ(std::vector<char>(block, 'k'), read_whole_file(directory_.file("data")));
}

TEST_F(CufileStream, ReadsIntoDeviceMemory) {
    const auto bytes = pattern(2 * block, 4);
    write_whole_file(directory_.file("data"), bytes);
    const RegisteredStream registered(driver_->library(), stream_, cufile::stream_page_aligned);
    EXPECT_EQ(1u, counts().streams);
    const auto transfer = enqueue(false, 2 * block);
    synchronize();
    EXPECT_EQ(2 * block, transfer->result());
    EXPECT_EQ(0, std::memcmp(bytes.data(), memory_.view(), bytes.size()));
}

TEST_F(CufileStream, TellsAShortCountAsItIs) {
    tio_standin_cufile_order_transfer(1, 512, 0);
    const auto transfer = enqueue(true, block);
    synchronize();
    EXPECT_EQ(512u, transfer->result());
}

TEST_F(CufileStream, TellsAFailureOnlyWhenTheStreamGetsThere) {
    for (const auto& [result, status] : {std::pair<int64_t, tio_status>{-1, TIO_E_IO},
                                         {-5, TIO_E_IO},
                                         {-5036, TIO_E_NOMEM},
                                         {-5044, TIO_E_DEVICE}}) {
        tio_standin_cufile_order_transfer(1, result, EIO);
        const auto transfer = enqueue(false, block);
        synchronize();
        EXPECT_EQ(status, status_of([&] { transfer->result(); })) << result;
    }
}

TEST_F(CufileStream, ReportsTheCodeOfEachCallThatFails) {
    for (const char* function : {"cuFileReadAsync", "cuFileWriteAsync"}) {
        tio_standin_cufile_fail_call(function, 1, 5038, 0);
        const bool is_write = std::string(function) == "cuFileWriteAsync";
        EXPECT_EQ(TIO_E_UNSUPPORTED, status_of([&] { enqueue(is_write, block); })) << function;
    }
    tio_standin_cufile_fail_call("cuFileStreamRegister", 1, 5030, 0);
    EXPECT_EQ(TIO_E_DEVICE, status_of([&] { RegisteredStream(driver_->library(), stream_, 0); }));
    EXPECT_EQ(TIO_E_INVALID, status_of([&] { RegisteredStream(driver_->library(), stream_, 0x10); }));
}

TEST_F(CufileStream, IsNotTriedWhereTheDriverHasItTurnedOff) {
    auto properties = driver_->properties();
    properties.feature_flags &= ~(1u << cufile::feature_streams);
    EXPECT_EQ(TIO_E_UNSUPPORTED, status_of([&] {
                  StreamTransfer(driver_->library(), properties, false, handle_, memory_.get(), block, 0, 0,
                                 stream_);
              }));
    EXPECT_EQ(0u, tio_standin_cufile_calls("cuFileReadAsync"));
}
