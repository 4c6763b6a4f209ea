#include "direct_io_alignment.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <bit>
#include <cstring>
#include <filesystem>

#include "temporary_file.h"

using namespace tio::gds;
using namespace tio::gds::testing;

namespace {

class Descriptor {
  public:
    Descriptor(const std::string& path, int flags) : fd_(open(path.c_str(), flags | O_CLOEXEC, 0600)) {}
    ~Descriptor() {
        if (fd_ >= 0) close(fd_);
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    int get() const { return fd_; }

  private:
    int fd_;
};

}  // namespace

TEST(DirectIoAlignment, FallbackSufficesForADirectRead) {
    const TemporaryDirectory directory;
    write_whole_file(directory.file("f"), std::vector<char>(1 << 17, 'x'));
    const Descriptor file(directory.file("f"), O_RDONLY | O_DIRECT);
    if (file.get() < 0) GTEST_SKIP() << "no O_DIRECT on the file system of the working directory";
    const auto alignment = fallback_direct_io_alignment(file.get());
    ASSERT_TRUE(std::has_single_bit(alignment.memory));
    ASSERT_TRUE(std::has_single_bit(alignment.offset));
    void* memory = nullptr;
    ASSERT_EQ(0, posix_memalign(&memory, alignment.memory, alignment.offset));
    EXPECT_EQ(static_cast<ssize_t>(alignment.offset),
              pread(file.get(), memory, alignment.offset, static_cast<off_t>(alignment.offset)));
    free(memory);
}

TEST(DirectIoAlignment, FallbackIsNeverFinerThanWhatTheKernelAsks) {
    const TemporaryDirectory directory;
    const Descriptor file(directory.file("f"), O_RDWR | O_CREAT);
    const auto asked = query_direct_io_alignment(file.get());
    if (!asked.supported) GTEST_SKIP() << "no O_DIRECT on the file system of the working directory";
    const auto fallback = fallback_direct_io_alignment(file.get());
    EXPECT_GE(fallback.memory, asked.memory);
    EXPECT_GE(fallback.offset, asked.offset);
}

TEST(DirectIoAlignment, WithoutADeviceIsThePageSize) {
    const Descriptor file("/proc/self/comm", O_RDWR);
    const auto page = static_cast<uint32_t>(sysconf(_SC_PAGESIZE));
    const auto alignment = query_direct_io_alignment(file.get());
    EXPECT_EQ(page, alignment.memory);
    EXPECT_EQ(page, alignment.offset);
}

TEST(DirectIoAlignment, OfABlockDeviceIsItsSector) {
    for (const auto& entry : std::filesystem::directory_iterator("/dev")) {
        std::error_code gone;
        if (!entry.is_block_file(gone)) continue;
        const Descriptor device(entry.path().string(), O_RDONLY);
        if (device.get() < 0) continue;
        const auto alignment = fallback_direct_io_alignment(device.get());
        EXPECT_TRUE(std::has_single_bit(alignment.offset)) << entry.path();
        EXPECT_GE(alignment.offset, 512u) << entry.path();
        return;
    }
    GTEST_SKIP() << "no block device is readable by this user";
}
