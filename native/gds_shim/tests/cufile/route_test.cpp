// Which way a file's bytes go.
#include "cufile/route.h"

#include <sys/sysmacros.h>

#include <filesystem>

#include "standin_cufile_session.h"

using namespace tio::gds;
using namespace tio::gds::testing;
using namespace tio::gds::cufile;
namespace fs = std::filesystem;

namespace {

constexpr uint64_t ext4 = 0xEF53;
constexpr uint64_t nfs = 0x6969;
constexpr uint64_t tmpfs = 0x01021994;

RouteFacts local_nvme() {
    RouteFacts facts;
    facts.direct = true;
    facts.file_system = ext4;
    facts.on_nvme = true;
    facts.nvidia_fs_loaded = true;
    facts.status_flags = 1u << status_nvme;
    return facts;
}

void expect_route(uint32_t expected, const std::string& reason, const RouteFacts& facts) {
    std::string why;
    EXPECT_EQ(expected, expected_route(facts, why)) << why;
    EXPECT_NE(std::string::npos, why.find(reason)) << why;
}

class CufileRoute : public CufileTest {
  protected:
    tio_gds_route route(int device, tio_status expected = TIO_OK) {
        tio_gds_route route{};
        route.struct_size = sizeof(route);
        char why[512] = "";
        EXPECT_EQ(expected, tio_gds_file_get_route(file_.get(), device, &route, why, sizeof(why)))
            << last_error_text();
        why_ = why;
        return route;
    }
    void fill(size_t bytes) { write_whole_file(path(), pattern(bytes, 1)); }
    std::string path() const { return directory_.file("data"); }

    OpenFile file_{path(), TIO_FILE_CREATE | TIO_FILE_DIRECT};
    std::string why_;
};

// A sysfs with a disk, its partition, and devices made of disks.
class Sysfs {
  public:
    Sysfs() {
        fs::create_directories(root() / "dev/block");
        add("259:0", "devices/pci/nvme0n1");
        add("259:1", "devices/pci/nvme0n1/nvme0n1p1");
        fs::create_directory(root() / "devices/pci/nvme0n1/nvme0n1p1/partition");
        add("8:0", "devices/ata/sda");
        add("9:0", "devices/virtual/md0");
        fs::create_directories(root() / "devices/virtual/md0/slaves/nvme0n1");
        fs::create_directories(root() / "devices/virtual/md0/slaves/nvme1n1");
        add("9:1", "devices/virtual/md1");
        fs::create_directories(root() / "devices/virtual/md1/slaves/nvme0n1");
        fs::create_directories(root() / "devices/virtual/md1/slaves/sda");
    }
    bool is_nvme(unsigned major, unsigned minor) const {
        return cufile::is_nvme(makedev(major, minor), root().string());
    }

  private:
    const fs::path& root() const { return directory_.path(); }
    void add(const std::string& number, const std::string& device) {
        fs::create_directories(root() / device);
        fs::create_directory_symlink(root() / device, root() / "dev/block" / number);
    }

    TemporaryDirectory directory_;
};

}  // namespace

TEST(CufileExpectedRoute, IsNvidiaFsOnNvmeWhereItIsLoaded) {
    expect_route(TIO_ROUTE_NVIDIA_FS, "supports NVMe", local_nvme());
}

TEST(CufileExpectedRoute, IsP2pdmaWhereItIsEnabled) {
    RouteFacts facts = local_nvme();
    facts.p2pdma_enabled = true;
    expect_route(TIO_ROUTE_PCI_P2PDMA, "P2PDMA", facts);
    facts.nvidia_fs_loaded = false;
    facts.status_flags = 0;
    expect_route(TIO_ROUTE_PCI_P2PDMA, "P2PDMA", facts);
}

TEST(CufileExpectedRoute, IsCompatibilityWithTheReason) {
    RouteFacts facts = local_nvme();
    facts.forced_compatibility = true;
    expect_route(TIO_ROUTE_COMPATIBILITY, "forced", facts);
    facts = local_nvme();
    facts.direct = false;
    expect_route(TIO_ROUTE_COMPATIBILITY, "O_DIRECT", facts);
    facts = local_nvme();
    facts.file_system = tmpfs;
    expect_route(TIO_ROUTE_COMPATIBILITY, "neither ext4", facts);
    facts = local_nvme();
    facts.on_nvme = false;
    expect_route(TIO_ROUTE_COMPATIBILITY, "NVMe device", facts);
    facts = local_nvme();
    facts.nvidia_fs_loaded = false;
    expect_route(TIO_ROUTE_COMPATIBILITY, "neither is the nvidia-fs kernel module loaded", facts);
    facts = local_nvme();
    facts.status_flags = 0;
    expect_route(TIO_ROUTE_COMPATIBILITY, "does not support NVMe", facts);
}

TEST(CufileExpectedRoute, OfANetworkFileSystemIsWhatTheDriverSupports) {
    RouteFacts facts = local_nvme();
    facts.file_system = nfs;
    facts.on_nvme = false;
    expect_route(TIO_ROUTE_COMPATIBILITY, "NFS", facts);
    facts.status_flags = 1u << 2;
    expect_route(TIO_ROUTE_NVIDIA_FS, "NFS", facts);
    facts.nvidia_fs_loaded = false;
    expect_route(TIO_ROUTE_COMPATIBILITY, "not loaded", facts);
}

TEST(CufileWitnessedRoute, IsTheOneWhoseCounterMoved) {
    EXPECT_EQ(uint32_t{TIO_ROUTE_PCI_P2PDMA}, witnessed_route({1, 0, 0}));
    EXPECT_EQ(uint32_t{TIO_ROUTE_NVIDIA_FS}, witnessed_route({0, 2, 0}));
    EXPECT_EQ(uint32_t{TIO_ROUTE_COMPATIBILITY}, witnessed_route({0, 0, 1}));
    EXPECT_EQ(uint32_t{TIO_ROUTE_UNKNOWN}, witnessed_route({0, 1, 1}));
    EXPECT_EQ(uint32_t{TIO_ROUTE_UNKNOWN}, witnessed_route({0, 0, 0}));
}

TEST(CufileNvme, IsADiskItsPartitionAndAnArrayOfNothingElse) {
    const Sysfs sysfs;
    EXPECT_TRUE(sysfs.is_nvme(259, 0));
    EXPECT_TRUE(sysfs.is_nvme(259, 1));
    EXPECT_TRUE(sysfs.is_nvme(9, 0));
    EXPECT_FALSE(sysfs.is_nvme(9, 1));
    EXPECT_FALSE(sysfs.is_nvme(8, 0));
    EXPECT_FALSE(sysfs.is_nvme(0, 42));
}

TEST_F(CufileRoute, IsWitnessedByATrialRead) {
    fill(8192);
    const OpenQueue queue(TIO_BACKEND_CUFILE);
    const uint32_t routes[] = {TIO_ROUTE_PCI_P2PDMA, TIO_ROUTE_NVIDIA_FS, TIO_ROUTE_COMPATIBILITY};
    for (int way = TIO_STANDIN_ROUTE_P2P; way <= TIO_STANDIN_ROUTE_POSIX; ++way) {
        tio_standin_cufile_set_route(way);
        const tio_gds_route found = route(0);
        EXPECT_EQ(routes[way], found.witnessed) << why_;
        EXPECT_EQ(1u, found.p2pdma_reads + found.nvidia_fs_reads + found.posix_reads);
    }
    EXPECT_EQ(0u, counts().unaligned_transfers);
    EXPECT_EQ(3u, counts().registered_transfers);
    EXPECT_EQ(0u, counts().buffers);
}

TEST_F(CufileRoute, BelievesTheWitness) {
    fill(4096);
    tio_gds_cufile_options options{};
    options.allow_compatibility = TIO_SWITCH_OFF;
    ASSERT_EQ(TIO_OK, configure(options));
    setenv("CUFILE_FORCE_COMPAT_MODE", "true", 1);
    use_release(TIO_STANDIN_CUFILE_VECTOR);
    const OpenQueue queue(TIO_BACKEND_CUFILE);
    tio_standin_cufile_fail_call("cuFileGetParameterBool", 2, 5022, 0);
    tio_standin_cufile_set_route(TIO_STANDIN_ROUTE_NVFS);
    const tio_gds_route found = route(0);
    unsetenv("CUFILE_FORCE_COMPAT_MODE");
    EXPECT_EQ(uint32_t{TIO_ROUTE_COMPATIBILITY}, found.expected);
    EXPECT_EQ(uint32_t{TIO_ROUTE_NVIDIA_FS}, found.witnessed);
    EXPECT_TRUE(contains(why_, "they are right")) << why_;
}

TEST_F(CufileRoute, IsNotTriedWithoutADeviceABlockOrStatistics) {
    EXPECT_EQ(uint32_t{TIO_ROUTE_UNKNOWN}, route(-1).witnessed);
    EXPECT_EQ(uint32_t{TIO_ROUTE_UNKNOWN}, route(0).witnessed);
    EXPECT_TRUE(contains(why_, "less than 4096")) << why_;
    fill(4096);
    use_release(TIO_STANDIN_CUFILE_OLD);
    EXPECT_EQ(uint32_t{TIO_ROUTE_UNKNOWN}, route(0).witnessed);
    EXPECT_TRUE(contains(why_, "1.7 has no statistics")) << why_;
    EXPECT_EQ(0u, counts().transfers);
}

TEST_F(CufileRoute, OfAFileThatCufileRefusesIsAnError) {
    tio_standin_cufile_fail_call("cuFileHandleRegister", 1, 5008, 0);
    route(-1, TIO_E_UNSUPPORTED);
    EXPECT_TRUE(contains(last_error_text(), "CU_FILE_IO_NOT_SUPPORTED"));
}

TEST_F(CufileRoute, WhoseTrialFailsIsAnErrorThatLeavesNothingBehind) {
    fill(4096);
    tio_standin_cufile_order_transfer(1, -5034, 0);
    route(0, TIO_E_UNSUPPORTED);
    EXPECT_TRUE(contains(last_error_text(), "CU_FILE_IO_DISABLED")) << last_error_text();
    tio_standin_cufile_order_transfer(1, -1, EIO);
    route(0, TIO_E_IO);
    for (const char* function :
         {"cuFileSetStatsLevel", "cuFileStatsStart", "cuFileGetStatsL3", "cuFileBufRegister"}) {
        tio_standin_cufile_fail_call(function, 1, 5030, 0);
        route(0, TIO_E_DEVICE);
        EXPECT_TRUE(contains(last_error_text(), function)) << last_error_text();
    }
    tio_standin_cuda_fail_call("cuMemAlloc", 1, 2);
    route(0, TIO_E_NOMEM);
}

TEST_F(CufileRoute, AsksTheDriverWhetherP2pdmaIsUsable) {
    tio_gds_cufile_options options{};
    options.use_pci_p2pdma = TIO_SWITCH_ON;
    ASSERT_EQ(TIO_OK, configure(options));
    tio_standin_cufile_set_nvfs(0, 0, 1u << 4, 1);
    route(-1);
    EXPECT_EQ(1u, tio_standin_cufile_calls("cuFileDriverGetP2PFlags"));
}
