// Registered device memory: once per process, within a budget, and gone before the memory is.
#include "cufile/library.h"
#include "standin_cufile_session.h"

using namespace tio::gds;
using namespace tio::gds::testing;

namespace {

constexpr size_t page = 4096;

class CufileBuffers : public CufileTest {
  protected:
    static tio_status register_with(const OpenQueue& queue, void* base, size_t length, uint32_t& index) {
        return tio_gds_buffer_register(queue.get(), base, length, TIO_MEMORY_CUDA, &index);
    }
    static tio_status unregister_with(const OpenQueue& queue, uint32_t index) {
        return tio_gds_buffer_unregister(queue.get(), index);
    }

    DeviceMemory memory_{16 * page};
};

}  // namespace

TEST_F(CufileBuffers, AreNamedByTheirBase) {
    const OpenFile file(directory_.file("data"), TIO_FILE_CREATE);
    const OpenQueue queue(TIO_BACKEND_CUFILE);
    uint32_t index = 0;
    ASSERT_TIO_OK(register_with(queue, memory_.get(), 16 * page, index));
    auto request = device_request(TIO_OP_WRITE, file.get(), memory_.get() + 5 * page, 0, 3 * page);
    request.buffer_index = index;
    EXPECT_EQ(TIO_OK, queue.run(request).status);
    EXPECT_EQ(1u, counts().registered_transfers);
    ASSERT_TIO_OK(unregister_with(queue, index));
    EXPECT_EQ(0u, counts().buffers);
}

TEST_F(CufileBuffers, AreRegisteredOnceForSeveralQueues) {
    const OpenQueue one(TIO_BACKEND_CUFILE);
    const OpenQueue two(TIO_BACKEND_CUFILE);
    uint32_t first = 0;
    uint32_t second = 0;
    uint32_t inside = 0;
    ASSERT_TIO_OK(register_with(one, memory_.get(), 8 * page, first));
    ASSERT_TIO_OK(register_with(two, memory_.get(), 8 * page, second));
    ASSERT_TIO_OK(register_with(two, memory_.get() + page, page, inside));
    EXPECT_EQ(1u, tio_standin_cufile_calls("cuFileBufRegister"));
    ASSERT_TIO_OK(unregister_with(one, first));
    ASSERT_TIO_OK(unregister_with(two, second));
    EXPECT_EQ(1u, counts().buffers);
    ASSERT_TIO_OK(unregister_with(two, inside));
    EXPECT_EQ(0u, counts().buffers);
}

TEST_F(CufileBuffers, OfTheSameBufferServeEachQueuesTransfers) {
    const OpenFile file(directory_.file("data"), TIO_FILE_CREATE);
    const OpenQueue one(TIO_BACKEND_CUFILE);
    const OpenQueue two(TIO_BACKEND_CUFILE);
    uint32_t whole = 0;
    uint32_t inside = 0;
    ASSERT_TIO_OK(register_with(one, memory_.get(), 8 * page, whole));
    ASSERT_TIO_OK(register_with(two, memory_.get() + 2 * page, 2 * page, inside));
    auto request = device_request(TIO_OP_WRITE, file.get(), memory_.get() + 3 * page, 0, page);
    request.buffer_index = inside;
    EXPECT_EQ(TIO_OK, two.run(request).status);
    EXPECT_EQ(1u, counts().registered_transfers);
}

TEST_F(CufileBuffers, ThatOverlapAreRefused) {
    const OpenQueue queue(TIO_BACKEND_CUFILE);
    uint32_t index = 0;
    ASSERT_TIO_OK(register_with(queue, memory_.get() + 4 * page, 4 * page, index));
    EXPECT_EQ(TIO_E_INVALID, register_with(queue, memory_.get() + 6 * page, 4 * page, index));
    EXPECT_TRUE(contains(last_error_text(), "ends behind")) << last_error_text();
    EXPECT_EQ(TIO_E_INVALID, register_with(queue, memory_.get() + 2 * page, 4 * page, index));
    EXPECT_TRUE(contains(last_error_text(), "begins before")) << last_error_text();
}

TEST_F(CufileBuffers, StayWithinTheBudget) {
    tio_gds_cufile_options options{};
    options.registration_budget_bytes = 8 * page;
    ASSERT_EQ(TIO_OK, configure(options));
    const OpenQueue queue(TIO_BACKEND_CUFILE);
    uint32_t first = 0;
    uint32_t second = 0;
    ASSERT_TIO_OK(register_with(queue, memory_.get(), 5 * page, first));
    EXPECT_EQ(TIO_E_NOMEM, register_with(queue, memory_.get() + 8 * page, 4 * page, second));
    EXPECT_TRUE(contains(last_error_text(), "budget of 32768 bytes")) << last_error_text();
    ASSERT_TIO_OK(unregister_with(queue, first));
    ASSERT_TIO_OK(register_with(queue, memory_.get() + 8 * page, 8 * page, second));
    EXPECT_EQ(8 * page, counts().buffer_bytes);
}

TEST_F(CufileBuffers, OfMemoryThatIsNoDevicesAreRefused) {
    const OpenQueue queue(TIO_BACKEND_CUFILE);
    const AlignedMemory host = aligned_memory(page);
    uint32_t index = 0;
    EXPECT_EQ(TIO_E_INVALID, register_with(queue, host.get(), page, index));
    EXPECT_EQ(0u, tio_standin_cufile_calls("cuFileBufRegister"));
}

TEST_F(CufileBuffers, ThatCufileRefusesLeaveNothingBehind) {
    const OpenQueue queue(TIO_BACKEND_CUFILE);
    uint32_t index = 0;
    for (int code = 5001; code <= 5051; ++code) {
        tio_standin_cufile_fail_call("cuFileBufRegister", 1, code, 0);
        EXPECT_NE(TIO_OK, register_with(queue, memory_.get(), page, index));
        EXPECT_TRUE(contains(last_error_text(), std::to_string(code))) << last_error_text();
        EXPECT_EQ(TIO_NO_BUFFER, index);
    }
    ASSERT_TIO_OK(register_with(queue, memory_.get(), page, index));
    ASSERT_TIO_OK(unregister_with(queue, index));
}

TEST_F(CufileBuffers, ThatPinNoMoreMemoryAreOutOfMemory) {
    const OpenQueue queue(TIO_BACKEND_CUFILE);
    uint32_t index = 0;
    tio_standin_cufile_fail_call("cuFileBufRegister", 1, 5036, 0);
    EXPECT_EQ(TIO_E_NOMEM, register_with(queue, memory_.get(), page, index));
}

TEST_F(CufileBuffers, AreDeregisteredWithTheirQueue) {
    {
        const OpenQueue other(TIO_BACKEND_CUFILE);
        OpenQueue queue(TIO_BACKEND_CUFILE);
        uint32_t index = 0;
        ASSERT_TIO_OK(register_with(queue, memory_.get(), page, index));
        queue.destroy();
        EXPECT_EQ(0u, counts().buffers);
    }
    memory_.free();
}

TEST_F(CufileBuffers, OfFreedMemoryAreFoundOutWhenTheAddressComesAgain) {
    const OpenQueue queue(TIO_BACKEND_CUFILE);
    uint32_t index = 0;
    uint32_t again = 0;
    ASSERT_TIO_OK(register_with(queue, memory_.get(), 2 * page, index));
    // The id of an allocation is unique: another one at the same address is another allocation.
    tio_standin_cuda_renumber(reinterpret_cast<uint64_t>(memory_.get()));
    EXPECT_EQ(TIO_E_INVALID, register_with(queue, memory_.get(), page, again));
    EXPECT_TRUE(contains(last_error_text(), "freed without tio_gds_buffer_unregister")) << last_error_text();
}

TEST_F(CufileBuffers, WhoseDeregistrationFailsAreReportedAndGone) {
    const OpenQueue queue(TIO_BACKEND_CUFILE);
    uint32_t index = 0;
    ASSERT_TIO_OK(register_with(queue, memory_.get(), page, index));
    tio_standin_cufile_fail_call("cuFileBufDeregister", 1, 5030, 0);
    EXPECT_EQ(TIO_E_DEVICE, unregister_with(queue, index));
    EXPECT_TRUE(contains(last_error_text(), "cuFileBufDeregister")) << last_error_text();
    tio_gds_cufile_info info{};
    info.struct_size = sizeof(info);
    ASSERT_TIO_OK(tio_gds_cufile_get_info(&info, nullptr, 0));
    EXPECT_EQ(0u, info.registered_buffers);
    EXPECT_EQ(0u, info.registered_bytes);
    // The stand-in still has it, as a real cuFile would: give it back, so that the balance at the end holds.
    const cuda::PrimaryContext context(cuda::Driver::shared(), 0);
    const cuda::CurrentContext current(context);
    cufile::Library::open({}).call().buffer_deregister(memory_.get());
}
