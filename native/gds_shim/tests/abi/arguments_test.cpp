// What the boundary refuses, and that it names the argument.
#include <gtest/gtest.h>

#include <cstring>

#include "abi_handles.h"
#include "memory.h"
#include "temporary_file.h"

using namespace tio::gds::testing;

namespace {

struct Arguments : ::testing::Test {
    TemporaryDirectory directory;
    OpenFile file{directory.file("store"), TIO_FILE_CREATE | TIO_FILE_DIRECT};
    OpenQueue queue{TIO_BACKEND_THREADS};
    AlignedMemory memory = aligned_memory(8192);

    tio_gds_request valid() { return request_of(TIO_OP_WRITE, file.get(), memory.get(), 0, 4096); }
};

void expect_options_refused(const tio_gds_queue_options& options, tio_status status,
                            const std::string& named) {
    tio_gds_queue* queue = nullptr;
    EXPECT_EQ(status, tio_gds_queue_create(&options, &queue));
    EXPECT_EQ(nullptr, queue);
    EXPECT_NE(std::string::npos, last_error_text().find(named)) << last_error_text();
}

}  // namespace

TEST_F(Arguments, UnknownOperationIsRefused) {
    auto request = valid();
    request.op = 2;
    queue.expect_refused(request, "op is");
}

TEST_F(Arguments, CudaMemoryIsRefusedByAHostBackend) {
    auto request = valid();
    request.memory_kind = TIO_MEMORY_CUDA;
    queue.expect_refused(request, "memory_kind");
}

TEST_F(Arguments, MissingFileIsRefused) {
    auto request = valid();
    request.file = nullptr;
    queue.expect_refused(request, "file is NULL");
}

TEST_F(Arguments, MissingMemoryIsRefused) {
    auto request = valid();
    request.memory = nullptr;
    queue.expect_refused(request, "memory is NULL");
}

TEST_F(Arguments, EmptyRequestIsRefused) {
    auto request = valid();
    request.length = 0;
    queue.expect_refused(request, "length is 0");
}

TEST_F(Arguments, ReservedFieldMustBeZero) {
    auto request = valid();
    request.reserved = 1;
    queue.expect_refused(request, "reserved");
}

TEST_F(Arguments, MisalignedOffsetIsRefusedOnADirectFile) {
    if (file.info().direct == 0) GTEST_SKIP() << "no O_DIRECT on the file system of the working directory";
    auto request = valid();
    request.offset = 1;
    queue.expect_refused(request, "offset_alignment");
}

TEST_F(Arguments, RangeBeyondTheLargestOffsetIsRefused) {
    auto request = valid();
    request.offset = uint64_t{1} << 62;
    request.length = uint64_t{1} << 62;
    queue.expect_refused(request, "largest file offset");
    request.offset = ~uint64_t{4095};
    queue.expect_refused(request, "largest file offset");
}

TEST_F(Arguments, WrongStructSizeIsRefused) {
    auto request = valid();
    request.struct_size = 60;
    queue.expect_refused(request, "struct_size");
}

TEST_F(Arguments, UnregisteredBufferIsRefused) {
    auto request = valid();
    request.buffer_index = 0;
    queue.expect_refused(request, "buffer_index");
}

TEST_F(Arguments, RequestsBeforeTheMalformedOneAreAccepted) {
    tio_gds_request requests[] = {valid(), valid(), valid()};
    requests[0].token = 10;
    requests[1].token = 11;
    requests[2].op = 7;
    uint32_t accepted = 0;
    EXPECT_EQ(TIO_E_INVALID, tio_gds_submit(queue.get(), requests, 3, &accepted));
    EXPECT_EQ(2u, accepted);
    EXPECT_NE(std::string::npos, last_error_text().find("requests[2]"));
    EXPECT_EQ(2u, queue.collect(2).size());
}

TEST_F(Arguments, TokenInUseIsRefused) {
    tio_gds_request requests[] = {valid(), valid()};
    uint32_t accepted = 0;
    EXPECT_EQ(TIO_E_INVALID, tio_gds_submit(queue.get(), requests, 2, &accepted));
    EXPECT_EQ(1u, accepted);
    EXPECT_NE(std::string::npos, last_error_text().find("token"));
    queue.collect(1);
    EXPECT_EQ(TIO_OK, queue.run(valid()).status);
}

TEST_F(Arguments, LargerStructsOfANewerCallerAreAccepted) {
    struct Newer {
        tio_gds_request request;
        uint64_t appended;
    } requests[] = {{valid(), 1}, {valid(), 2}};
    for (uint64_t i = 0; i < 2; ++i) {
        requests[i].request.struct_size = sizeof(Newer);
        requests[i].request.token = i;
    }
    uint32_t accepted = 0;
    ASSERT_TIO_OK(tio_gds_submit(queue.get(), &requests[0].request, 2, &accepted));
    EXPECT_EQ(2u, accepted);
    for (const auto& completion : queue.collect(2)) EXPECT_EQ(TIO_OK, completion.status);
}

TEST_F(Arguments, SubmittingNothingIsFine) {
    uint32_t accepted = 99;
    EXPECT_EQ(TIO_OK, tio_gds_submit(queue.get(), nullptr, 0, &accepted));
    EXPECT_EQ(0u, accepted);
}

TEST_F(Arguments, NullPointersAreRefusedEverywhere) {
    uint32_t number = 0;
    tio_gds_completion completion;
    const tio_gds_request request = valid();
    const tio_gds_queue_options options = queue_options(TIO_BACKEND_THREADS);
    tio_gds_queue* created = nullptr;
    tio_gds_file* opened = nullptr;
    EXPECT_EQ(TIO_E_INVALID, tio_gds_available_backends(nullptr, nullptr, 0));
    EXPECT_EQ(TIO_E_INVALID, tio_gds_file_open(nullptr, 0, &opened));
    EXPECT_EQ(TIO_E_INVALID, tio_gds_file_open("x", 0, nullptr));
    EXPECT_EQ(TIO_E_INVALID, tio_gds_file_get_info(nullptr, nullptr));
    EXPECT_EQ(TIO_E_INVALID, tio_gds_file_get_info(file.get(), nullptr));
    EXPECT_EQ(TIO_E_INVALID, tio_gds_file_allocate(nullptr, 1));
    EXPECT_EQ(TIO_E_INVALID, tio_gds_file_sync(nullptr));
    EXPECT_EQ(TIO_E_INVALID, tio_gds_queue_create(nullptr, &created));
    EXPECT_EQ(TIO_E_INVALID, tio_gds_queue_create(&options, nullptr));
    EXPECT_EQ(TIO_E_INVALID, tio_gds_queue_backend(nullptr, &number));
    EXPECT_EQ(TIO_E_INVALID, tio_gds_queue_backend(queue.get(), nullptr));
    EXPECT_EQ(TIO_E_INVALID, tio_gds_buffer_register(nullptr, memory.get(), 1, TIO_MEMORY_HOST, &number));
    EXPECT_EQ(TIO_E_INVALID, tio_gds_buffer_register(queue.get(), nullptr, 1, TIO_MEMORY_HOST, &number));
    EXPECT_EQ(TIO_E_INVALID, tio_gds_buffer_register(queue.get(), memory.get(), 1, TIO_MEMORY_HOST, nullptr));
    EXPECT_EQ(TIO_E_INVALID, tio_gds_buffer_unregister(nullptr, 0));
    EXPECT_EQ(TIO_E_INVALID, tio_gds_submit(nullptr, &request, 1, &number));
    EXPECT_EQ(TIO_E_INVALID, tio_gds_submit(queue.get(), nullptr, 1, &number));
    EXPECT_EQ(TIO_E_INVALID, tio_gds_submit(queue.get(), &request, 1, nullptr));
    EXPECT_EQ(TIO_E_INVALID, tio_gds_wait(nullptr, &completion, 1, 0, &number));
    EXPECT_EQ(TIO_E_INVALID, tio_gds_wait(queue.get(), nullptr, 1, 0, &number));
    EXPECT_EQ(TIO_E_INVALID, tio_gds_wait(queue.get(), &completion, 0, 0, &number));
    EXPECT_EQ(TIO_E_INVALID, tio_gds_wait(queue.get(), &completion, 1, 0, nullptr));
    EXPECT_EQ(TIO_E_INVALID, tio_gds_wake(nullptr));
    EXPECT_EQ(TIO_E_INVALID, tio_gds_cancel(nullptr, 1));
    EXPECT_EQ(TIO_E_INVALID, tio_gds_get_statistics(nullptr, nullptr));
    EXPECT_EQ(TIO_E_INVALID, tio_gds_get_statistics(queue.get(), nullptr));
}

TEST(QueueOptions, NullHandlesMayBeDestroyed) {
    EXPECT_EQ(TIO_OK, tio_gds_queue_destroy(nullptr));
    EXPECT_EQ(TIO_OK, tio_gds_file_close(nullptr));
}

TEST(QueueOptions, ChunkBytesMustBeAMultipleOf4096) {
    auto options = queue_options(TIO_BACKEND_THREADS);
    options.chunk_bytes = 5000;
    expect_options_refused(options, TIO_E_INVALID, "chunk_bytes");
}

TEST(QueueOptions, LimitsAreNamed) {
    auto options = queue_options(TIO_BACKEND_THREADS);
    options.queue_depth = 5000;
    expect_options_refused(options, TIO_E_INVALID, "queue_depth is 5000, at most 4096");
    options = queue_options(TIO_BACKEND_THREADS);
    options.max_requests = 0xFFFFFFFFu;
    expect_options_refused(options, TIO_E_INVALID, "max_requests");
    options = queue_options(TIO_BACKEND_THREADS);
    options.bounce_chunks = 5000;
    expect_options_refused(options, TIO_E_INVALID, "bounce_chunks");
    options = queue_options(TIO_BACKEND_THREADS);
    options.chunk_bytes = 0x80000000u;
    expect_options_refused(options, TIO_E_INVALID, "chunk_bytes");
}

TEST(QueueOptions, ShortStructIsRefused) {
    auto options = queue_options(TIO_BACKEND_THREADS);
    options.struct_size = 8;
    expect_options_refused(options, TIO_E_INVALID, "struct_size is 8");
}

TEST(QueueOptions, CufileWithoutACudaDriverIsUnsupported) {
    setenv("TERAIO_CUDA_PATH", "/nowhere/libcuda.so.1", 1);
    expect_options_refused(queue_options(TIO_BACKEND_CUFILE), TIO_E_UNSUPPORTED, "/nowhere/libcuda.so.1");
    unsetenv("TERAIO_CUDA_PATH");
}

TEST(QueueOptions, StagedWithoutACudaDriverIsUnsupported) {
    setenv("TERAIO_CUDA_PATH", "/nowhere/libcuda.so.1", 1);
    expect_options_refused(queue_options(TIO_BACKEND_STAGED), TIO_E_UNSUPPORTED, "/nowhere/libcuda.so.1");
    unsetenv("TERAIO_CUDA_PATH");
}

TEST(QueueOptions, UnknownBackendIsRefused) {
    expect_options_refused(queue_options(77), TIO_E_INVALID, "backend 77");
}

TEST(QueueOptions, AvailableBackendsAgreeWithCreation) {
    uint32_t mask = 0;
    char why[2048] = "";
    ASSERT_TIO_OK(tio_gds_available_backends(&mask, why, sizeof(why)));
    EXPECT_NE(nullptr, std::strstr(why, "cufile")) << why;
    for (uint32_t backend = TIO_BACKEND_AUTO; backend <= TIO_BACKEND_STAGED; ++backend) {
        const auto options = queue_options(backend);
        tio_gds_queue* queue = nullptr;
        const tio_status status = tio_gds_queue_create(&options, &queue);
        EXPECT_EQ((mask & (1u << backend)) != 0 ? TIO_OK : TIO_E_UNSUPPORTED, status)
            << "backend " << backend;
        EXPECT_EQ(TIO_OK, tio_gds_queue_destroy(queue));
    }
}

TEST(QueueOptions, ReasonsAreCutToTheBuffer) {
    uint32_t mask = 0;
    char why[4] = "zzz";
    ASSERT_TIO_OK(tio_gds_available_backends(&mask, why, sizeof(why)));
    EXPECT_EQ('\0', why[3]);
}

TEST(QueueOptions, AutoTakesIoUringWhereItWorks) {
    const OpenQueue queue(TIO_BACKEND_AUTO);
    uint32_t backend = 0;
    ASSERT_TIO_OK(tio_gds_queue_backend(queue.get(), &backend));
    const uint32_t expected =
        backend_is_available(TIO_BACKEND_URING) ? TIO_BACKEND_URING : TIO_BACKEND_THREADS;
    EXPECT_EQ(expected, backend);
}
