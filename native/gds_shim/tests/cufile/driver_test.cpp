// The driver's life: opened for the first queue, closed after the last, configured before.
#include "cufile/driver.h"

#include <sys/wait.h>
#include <unistd.h>

#include "standin_cufile_session.h"

using namespace tio::gds;
using namespace tio::gds::testing;

namespace {

class CufileDriver : public CufileTest {
  protected:
    static tio_gds_cufile_info info() {
        tio_gds_cufile_info info{};
        info.struct_size = sizeof(info);
        EXPECT_EQ(TIO_OK, tio_gds_cufile_get_info(&info, nullptr, 0)) << last_error_text();
        return info;
    }
};

}  // namespace

TEST_F(CufileDriver, IsOpenWhileAQueueIs) {
    {
        const OpenQueue one(TIO_BACKEND_CUFILE);
        const OpenQueue two(TIO_BACKEND_CUFILE);
        EXPECT_EQ(1u, counts().drivers_open);
        uint32_t backend = 0;
        ASSERT_TIO_OK(tio_gds_queue_backend(one.get(), &backend));
        EXPECT_EQ(uint32_t{TIO_BACKEND_CUFILE}, backend);
    }
    EXPECT_EQ(0u, counts().drivers_open);
    const OpenQueue again(TIO_BACKEND_CUFILE);
    EXPECT_EQ(2u, tio_standin_cufile_calls("cuFileDriverOpen"));
}

TEST_F(CufileDriver, IsAnAvailableBackendWhereItOpens) {
    EXPECT_TRUE(backend_is_available(TIO_BACKEND_CUFILE));
    tio_standin_cufile_fail_call("cuFileDriverOpen", 1, 5010, 0);
    uint32_t mask = 0;
    char why[1024] = "";
    ASSERT_TIO_OK(tio_gds_available_backends(&mask, why, sizeof(why)));
    EXPECT_EQ(0u, mask & (1u << TIO_BACKEND_CUFILE));
    EXPECT_TRUE(contains(why, "CU_FILE_NVFS_DRIVER_ERROR (5010)")) << why;
}

TEST_F(CufileDriver, IsUnsupportedWithoutAGpu) {
    tio_standin_cuda_set_device_count(0);
    EXPECT_TRUE(contains(refusal_of_a_queue(TIO_E_UNSUPPORTED), "no GPU"));
    EXPECT_EQ(0u, tio_standin_cufile_calls("cuFileDriverOpen"));
}

TEST_F(CufileDriver, IsUnsupportedWithoutLibcufile) {
    use_release("/nowhere/libcufile.so.0");
    EXPECT_TRUE(contains(refusal_of_a_queue(TIO_E_UNSUPPORTED), "/nowhere/libcufile.so.0"));
}

TEST_F(CufileDriver, ReportsEachCodeWithWhichItDoesNotOpen) {
    for (int code = 5001; code <= 5051; ++code) {
        if (code == 5011) continue;
        tio_standin_cufile_fail_call("cuFileDriverOpen", 1, code, 0);
        const tio_gds_queue_options options = queue_options(TIO_BACKEND_CUFILE);
        tio_gds_queue* queue = nullptr;
        EXPECT_NE(TIO_OK, tio_gds_queue_create(&options, &queue));
        EXPECT_TRUE(contains(last_error_text(), std::to_string(code))) << last_error_text();
    }
    tio_standin_cufile_fail_call("cuFileDriverOpen", 1, 5011, 100);
    EXPECT_TRUE(contains(refusal_of_a_queue(TIO_E_DEVICE), "CUresult 100"));
}

TEST_F(CufileDriver, IsClosedAgainWhenItsPropertiesCannotBeRead) {
    tio_standin_cufile_fail_call("cuFileDriverGetProperties", 1, 5002, 0);
    EXPECT_TRUE(contains(refusal_of_a_queue(TIO_E_INVALID), "cuFileDriverGetProperties"));
    EXPECT_EQ(0u, counts().drivers_open);
}

TEST_F(CufileDriver, TellsItsPropertiesInBytes) {
    const tio_gds_cufile_info is = info();
    EXPECT_EQ(1160u, is.version);
    EXPECT_EQ(2u, is.nvfs_major);
    EXPECT_EQ(17u, is.nvfs_minor);
    EXPECT_EQ(1u << 4, is.status_flags);
    EXPECT_EQ(1u << 1, is.control_flags);
    EXPECT_EQ(0xEu, is.feature_flags);
    EXPECT_EQ(uint64_t{16} << 20, is.max_direct_io_bytes);
    EXPECT_EQ(uint64_t{128} << 20, is.max_device_cache_bytes);
    EXPECT_EQ(uint64_t{1} << 20, is.per_buffer_cache_bytes);
    EXPECT_EQ(uint64_t{32} << 30, is.max_pinned_bytes);
    EXPECT_EQ(128u, is.max_batch_entries);
    EXPECT_EQ((uint64_t{32} << 30) - (uint64_t{128} << 20), is.registration_budget_bytes);
    EXPECT_EQ(0u, counts().drivers_open);
}

TEST_F(CufileDriver, TellsWhichFileWasLoaded) {
    tio_gds_cufile_info info{};
    info.struct_size = sizeof(info);
    char path[1024] = "";
    ASSERT_TIO_OK(tio_gds_cufile_get_info(&info, path, sizeof(path)));
    EXPECT_TRUE(std::filesystem::equivalent(TIO_STANDIN_CUFILE, path));
}

TEST_F(CufileDriver, IsConfiguredBeforeItOpens) {
    tio_gds_cufile_options options{};
    options.allow_compatibility = TIO_SWITCH_OFF;
    options.use_pci_p2pdma = TIO_SWITCH_ON;
    options.max_direct_io_bytes = 1 << 20;
    options.max_device_cache_bytes = 64 << 20;
    options.max_pinned_bytes = 256 << 20;
    options.log_directory = "/somewhere";
    ASSERT_EQ(TIO_OK, configure(options)) << last_error_text();
    const OpenQueue queue(TIO_BACKEND_CUFILE);
    EXPECT_EQ(0, tio_standin_cufile_parameter('b', 1));
    EXPECT_EQ(1, tio_standin_cufile_parameter('b', 7));
    EXPECT_EQ(1024, tio_standin_cufile_parameter('s', 5));
    EXPECT_EQ(64 * 1024, tio_standin_cufile_parameter('s', 6));
    EXPECT_EQ(256 * 1024, tio_standin_cufile_parameter('s', 8));
    EXPECT_STREQ("/somewhere", tio_standin_cufile_log_directory());
    EXPECT_EQ(uint64_t{192} << 20, info().registration_budget_bytes);
}

TEST_F(CufileDriver, LeavesAloneWhatIsNotConfigured) {
    const OpenQueue queue(TIO_BACKEND_CUFILE);
    EXPECT_EQ(-1, tio_standin_cufile_parameter('b', 1));
    EXPECT_EQ(-1, tio_standin_cufile_parameter('s', 5));
    EXPECT_EQ(0u, tio_standin_cufile_calls("cuFileSetParameterString"));
}

TEST_F(CufileDriver, IsNotConfiguredWhileItIsOpen) {
    const OpenQueue queue(TIO_BACKEND_CUFILE);
    EXPECT_EQ(TIO_E_INVALID, configure({}));
    EXPECT_TRUE(contains(last_error_text(), "before the first"));
}

TEST_F(CufileDriver, RefusesOptionsThatAreNone) {
    tio_gds_cufile_options options{};
    options.allow_compatibility = 3;
    EXPECT_EQ(TIO_E_INVALID, configure(options));
    options = {};
    options.max_direct_io_bytes = 4096;
    EXPECT_EQ(TIO_E_INVALID, configure(options));
    EXPECT_TRUE(contains(last_error_text(), "65536"));
    options = {};
    options.reserved = 1;
    EXPECT_EQ(TIO_E_INVALID, configure(options));
}

TEST_F(CufileDriver, ThatRefusesAParameterDoesNotOpen) {
    tio_gds_cufile_options options{};
    options.use_pci_p2pdma = TIO_SWITCH_ON;
    options.max_pinned_bytes = 1 << 20;
    options.log_directory = "/somewhere";
    ASSERT_EQ(TIO_OK, configure(options));
    for (const char* function :
         {"cuFileSetParameterBool", "cuFileSetParameterSizeT", "cuFileSetParameterString"}) {
        tio_standin_cufile_fail_call(function, 1, 5022, 0);
        EXPECT_TRUE(contains(refusal_of_a_queue(TIO_E_INVALID), function));
    }
    EXPECT_EQ(0u, tio_standin_cufile_calls("cuFileDriverOpen"));
}

TEST_F(CufileDriver, OfAnOldReleaseTakesLimitsWhenItIsOpen) {
    use_release(TIO_STANDIN_CUFILE_OLD);
    tio_gds_cufile_options options{};
    options.max_direct_io_bytes = 1 << 20;
    options.max_device_cache_bytes = 2 << 20;
    options.max_pinned_bytes = 8 << 20;
    ASSERT_EQ(TIO_OK, configure(options));
    {
        const OpenQueue queue(TIO_BACKEND_CUFILE);
        EXPECT_EQ(1u, tio_standin_cufile_calls("cuFileDriverSetMaxDirectIOSize"));
        EXPECT_EQ(1u, tio_standin_cufile_calls("cuFileDriverSetMaxCacheSize"));
        EXPECT_EQ(1u, tio_standin_cufile_calls("cuFileDriverSetMaxPinnedMemSize"));
        EXPECT_EQ(uint64_t{6} << 20, info().registration_budget_bytes);
    }
    tio_standin_cufile_fail_call("cuFileDriverSetMaxCacheSize", 1, 5003, 0);
    EXPECT_TRUE(contains(refusal_of_a_queue(TIO_E_INVALID), "cuFileDriverSetMaxCacheSize"));
}

TEST_F(CufileDriver, OfAnOldReleaseHasNoSwitches) {
    use_release(TIO_STANDIN_CUFILE_OLD);
    tio_gds_cufile_options options{};
    options.allow_compatibility = TIO_SWITCH_OFF;
    ASSERT_EQ(TIO_OK, configure(options));
    EXPECT_TRUE(contains(refusal_of_a_queue(TIO_E_UNSUPPORTED), "allow_compat_mode"));
}

TEST_F(CufileDriver, IsRefusedToAForkedChild) {
    const OpenQueue queue(TIO_BACKEND_CUFILE);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        tio_gds_cufile_info info{};
        info.struct_size = sizeof(info);
        _exit(tio_gds_cufile_get_info(&info, nullptr, 0) == TIO_E_UNSUPPORTED ? 0 : 1);
    }
    int status = -1;
    ASSERT_EQ(child, waitpid(child, &status, 0));
    EXPECT_TRUE(WIFEXITED(status));
    EXPECT_EQ(0, WEXITSTATUS(status));
}

TEST_F(CufileDriver, ThatCannotCloseIsNoErrorOfTheQueue) {
    OpenQueue queue(TIO_BACKEND_CUFILE);
    tio_standin_cufile_fail_call("cuFileDriverClose", 1, 5030, 0);
    queue.destroy();
    const cufile::Library library = cufile::Library::open({});
    library.call().driver_close();
}
