#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <bit>
#include <filesystem>

#include "abi_handles.h"
#include "scratch_mount.h"
#include "temporary_file.h"

using namespace tio::gds::testing;

namespace {

// A regular file whose file system knows neither direct I/O nor fallocate nor fdatasync.
constexpr const char* proc_file = "/proc/self/comm";

void expect_open_fails(const std::string& path, uint32_t flags, tio_status status, const std::string& named) {
    tio_gds_file* file = nullptr;
    EXPECT_EQ(status, tio_gds_file_open(path.c_str(), flags, &file));
    EXPECT_EQ(nullptr, file);
    EXPECT_NE(std::string::npos, last_error_text().find(named)) << last_error_text();
}

}  // namespace

TEST(FileOpen, CreatesPrivateFiles) {
    const TemporaryDirectory directory;
    const OpenFile file(directory.file("new"), TIO_FILE_CREATE);
    struct stat status {};
    ASSERT_EQ(0, stat(directory.file("new").c_str(), &status));
    EXPECT_EQ(0600u, status.st_mode & 0777u);
}

TEST(FileOpen, NeverCreatesOverAnExistingFile) {
    const TemporaryDirectory directory;
    write_whole_file(directory.file("old"), {'x'});
    expect_open_fails(directory.file("old"), TIO_FILE_CREATE, TIO_E_IO, "File exists");
    EXPECT_EQ(std::vector<char>{'x'}, read_whole_file(directory.file("old")));
}

TEST(FileOpen, NamesThePathOfAMissingFile) {
    expect_open_fails("no/such/file", 0, TIO_E_IO, "'no/such/file'");
}

TEST(FileOpen, RefusesDirectories) {
    expect_open_fails(".", 0, TIO_E_IO, "Is a directory");
}

TEST(FileOpen, RefusesPipes) {
    const TemporaryDirectory directory;
    ASSERT_EQ(0, mkfifo(directory.file("fifo").c_str(), 0600));
    expect_open_fails(directory.file("fifo"), 0, TIO_E_INVALID, "neither a regular file");
}

TEST(FileOpen, RefusesUnknownFlags) {
    expect_open_fails("x", 1u << 20, TIO_E_INVALID, "flags");
}

TEST(FileOpen, DirectIsBufferedWhereTheFileSystemCannot) {
    const OpenFile file(proc_file, TIO_FILE_DIRECT);
    const auto info = file.info();
    EXPECT_EQ(0u, info.direct);
    EXPECT_EQ(1u, info.memory_alignment);
    EXPECT_EQ(1u, info.offset_alignment);
}

TEST(FileOpen, RequiredDirectIsUnsupportedWhereTheFileSystemCannot) {
    expect_open_fails(proc_file, TIO_FILE_DIRECT_REQUIRED, TIO_E_UNSUPPORTED, "O_DIRECT");
}

TEST(FileOpen, RequiredDirectLeavesNoFileBehind) {
    const ScratchMount ramfs("ramfs", "");
    if (!ramfs.mounted()) GTEST_SKIP() << ramfs.refusal();
    expect_open_fails(ramfs.file("f"), TIO_FILE_CREATE | TIO_FILE_DIRECT_REQUIRED, TIO_E_UNSUPPORTED,
                      "O_DIRECT");
    EXPECT_FALSE(std::filesystem::exists(ramfs.file("f")));
}

TEST(FileOpen, DirectReportsPowersOfTwo) {
    const TemporaryDirectory directory;
    const OpenFile file(directory.file("f"), TIO_FILE_CREATE | TIO_FILE_DIRECT);
    const auto info = file.info();
    if (info.direct == 0) GTEST_SKIP() << "no O_DIRECT on the file system of the working directory";
    EXPECT_TRUE(std::has_single_bit(info.memory_alignment)) << info.memory_alignment;
    EXPECT_TRUE(std::has_single_bit(info.offset_alignment)) << info.offset_alignment;
    EXPECT_GE(info.offset_alignment, 512u);
}

TEST(FileInfo, ShowsSizeAndFileSystem) {
    const TemporaryDirectory directory;
    write_whole_file(directory.file("f"), std::vector<char>(12345));
    const OpenFile file(directory.file("f"), 0);
    const auto info = file.info();
    EXPECT_EQ(12345u, info.size);
    EXPECT_EQ(std::filesystem::space(directory.path()).available > 0, info.free_bytes > 0);
    EXPECT_NE(0u, info.file_system);
}

TEST(FileInfo, FillsTheKnownPartOfALargerStruct) {
    const TemporaryDirectory directory;
    const OpenFile file(directory.file("f"), TIO_FILE_CREATE);
    struct {
        tio_gds_file_info info;
        uint64_t appended;
    } newer{{}, 42};
    newer.info.struct_size = sizeof(newer);
    ASSERT_TIO_OK(tio_gds_file_get_info(file.get(), &newer.info));
    EXPECT_EQ(sizeof(newer), newer.info.struct_size);
    EXPECT_EQ(42u, newer.appended);
}

TEST(FileInfo, RefusesAShortStruct) {
    const TemporaryDirectory directory;
    const OpenFile file(directory.file("f"), TIO_FILE_CREATE);
    tio_gds_file_info info{};
    info.struct_size = 4;
    EXPECT_EQ(TIO_E_INVALID, tio_gds_file_get_info(file.get(), &info));
}

TEST(FileAllocate, GivesBlocks) {
    const TemporaryDirectory directory;
    const OpenFile file(directory.file("f"), TIO_FILE_CREATE);
    ASSERT_TIO_OK(tio_gds_file_allocate(file.get(), 1 << 20));
    struct stat status {};
    ASSERT_EQ(0, stat(directory.file("f").c_str(), &status));
    EXPECT_EQ(1 << 20, status.st_size);
    EXPECT_GE(status.st_blocks * 512, 1 << 20);
}

TEST(FileAllocate, NeverShrinks) {
    const TemporaryDirectory directory;
    write_whole_file(directory.file("f"), std::vector<char>(10000, 'x'));
    const OpenFile file(directory.file("f"), 0);
    ASSERT_TIO_OK(tio_gds_file_allocate(file.get(), 0));
    ASSERT_TIO_OK(tio_gds_file_allocate(file.get(), 4096));
    EXPECT_EQ(std::vector<char>(10000, 'x'), read_whole_file(directory.file("f")));
}

TEST(FileAllocate, RefusesSizesBeyondOffsets) {
    const TemporaryDirectory directory;
    const OpenFile file(directory.file("f"), TIO_FILE_CREATE);
    EXPECT_EQ(TIO_E_INVALID, tio_gds_file_allocate(file.get(), ~uint64_t{0}));
}

TEST(FileAllocate, IsUnsupportedWithoutFallocate) {
    const ScratchMount ramfs("ramfs", "");
    if (!ramfs.mounted()) GTEST_SKIP() << ramfs.refusal();
    const OpenFile file(ramfs.file("f"), TIO_FILE_CREATE);
    EXPECT_EQ(TIO_E_UNSUPPORTED, tio_gds_file_allocate(file.get(), 4096));
}

TEST(FileSync, Works) {
    const TemporaryDirectory directory;
    const OpenFile file(directory.file("f"), TIO_FILE_CREATE);
    EXPECT_EQ(TIO_OK, tio_gds_file_sync(file.get()));
}

TEST(FileSync, ReportsTheErrno) {
    const OpenFile file(proc_file, 0);
    EXPECT_EQ(TIO_E_IO, tio_gds_file_sync(file.get()));
    EXPECT_NE(std::string::npos, last_error_text().find("errno 22")) << last_error_text();
}
