#include "file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>

#include "failure.h"
#include "file_size_signal.h"

namespace tio::gds {

namespace {

constexpr uint32_t known_flags = TIO_FILE_CREATE | TIO_FILE_DIRECT | TIO_FILE_DIRECT_REQUIRED;
constexpr auto largest_offset = static_cast<uint64_t>(std::numeric_limits<off_t>::max());

int open_read_write(const std::string& path, uint32_t flags) {
    const bool create = (flags & TIO_FILE_CREATE) != 0;
    int fd;
    do {
        fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOCTTY | (create ? O_CREAT | O_EXCL : 0), 0600);
    } while (fd < 0 && errno == EINTR);
    if (fd < 0)
        throw Failure::from_errno(std::string(create ? "creating '" : "opening '") + path + "'", errno);
    return fd;
}

struct stat status_of(int fd) {
    struct stat status {};
    if (fstat(fd, &status) != 0) throw Failure::from_errno("fstat", errno);
    return status;
}

uint64_t size_of(int fd) {
    const struct stat status = status_of(fd);
    // st_size of a block device is 0; its end is where lseek finds it.
    if (!S_ISBLK(status.st_mode)) return static_cast<uint64_t>(status.st_size);
    const off_t end = lseek(fd, 0, SEEK_END);
    if (end < 0) throw Failure::from_errno("lseek to the end of the block device", errno);
    return static_cast<uint64_t>(end);
}

}  // namespace

File::File(const std::string& path, uint32_t flags) {
    if ((flags & ~known_flags) != 0)
        throw Failure(TIO_E_INVALID, "flags has unknown bits: " + std::to_string(flags & ~known_flags));
    fd_ = open_read_write(path, flags);
    try {
        const struct stat status = status_of(fd_);
        if (!S_ISREG(status.st_mode) && !S_ISBLK(status.st_mode))
            throw Failure(TIO_E_INVALID, "'" + path + "' is neither a regular file nor a block device");
        if ((flags & (TIO_FILE_DIRECT | TIO_FILE_DIRECT_REQUIRED)) != 0)
            turn_direct_on(path, (flags & TIO_FILE_DIRECT_REQUIRED) != 0);
    } catch (...) {
        ::close(fd_);
        if ((flags & TIO_FILE_CREATE) != 0) ::unlink(path.c_str());
        throw;
    }
}

File::File(int fd, DirectIoAlignment alignment, bool direct)
    : fd_(fd), direct_(direct), alignment_(alignment) {}

File::~File() {
    if (FileCloseListener* listener = close_listener_.load(std::memory_order_acquire))
        listener->closing(*this);
    ::close(fd_);
}

// Set after the open, not by it: open(O_CREAT | O_DIRECT) fails on file systems without direct I/O only after
// it has created the file.
void File::turn_direct_on(const std::string& path, bool required) {
    const int flags = fcntl(fd_, F_GETFL);
    std::string reason;
    if (flags < 0 || fcntl(fd_, F_SETFL, flags | O_DIRECT) != 0) {
        reason = describe_errno(errno);
    } else {
        alignment_ = query_direct_io_alignment(fd_);
        direct_ = alignment_.supported;
        if (!direct_) {
            fcntl(fd_, F_SETFL, flags);
            reason = "the kernel reports no direct I/O for this file (STATX_DIOALIGN)";
        }
    }
    if (!direct_ && required)
        throw Failure(
            TIO_E_UNSUPPORTED,
            "O_DIRECT on '" + path + "': " + reason +
                "; use a file system with direct I/O (ext4, XFS) or open without TIO_FILE_DIRECT_REQUIRED");
}

uint32_t File::resume_alignment() const noexcept {
    return std::max(memory_alignment(), offset_alignment());
}

tio_gds_file_info File::info() const {
    struct statfs file_system {};
    int result;
    do {
        result = fstatfs(fd_, &file_system);
    } while (result != 0 && errno == EINTR);
    if (result != 0) throw Failure::from_errno("fstatfs", errno);

    tio_gds_file_info info{};
    info.struct_size = sizeof(info);
    info.direct = direct_ ? 1 : 0;
    info.memory_alignment = memory_alignment();
    info.offset_alignment = offset_alignment();
    info.size = size_of(fd_);
    info.free_bytes =
        static_cast<uint64_t>(file_system.f_bavail) * static_cast<uint64_t>(file_system.f_bsize);
    info.file_system = static_cast<uint64_t>(file_system.f_type);
    return info;
}

void File::allocate(uint64_t size) {
    if (size == 0) return;
    if (size > largest_offset)
        throw Failure(TIO_E_INVALID, "size " + std::to_string(size) + " is beyond off_t");
    const uint64_t size_before = size_of(fd_);
    const FileSizeSignalBlock signal_block;
    int sys_errno;
    do {
        sys_errno = fallocate(fd_, 0, 0, static_cast<off_t>(size)) == 0 ? 0 : errno;
    } while (sys_errno == EINTR);
    if (sys_errno == 0) return;

    const std::string what = "allocating " + std::to_string(size) + " bytes";
    if (sys_errno == EOPNOTSUPP || sys_errno == ENOSYS)
        throw Failure(TIO_E_UNSUPPORTED,
                      what + ": this file system has no fallocate; use ext4, XFS or another that has it");
    // ext4 keeps the part that it could allocate, and with it the larger size.
    if (size_of(fd_) > size_before && ftruncate(fd_, static_cast<off_t>(size_before)) != 0)
        throw Failure::from_errno(what + " failed (errno " + std::to_string(sys_errno) +
                                      ") and so did giving the allocated part back",
                                  errno);
    throw Failure::from_errno(what, sys_errno);
}

void File::sync() {
    // EINTR too is reported, not retried: after a failed sync the kernel may have dropped the dirty pages.
    if (fdatasync(fd_) != 0) throw Failure::from_errno("fdatasync", errno);
}

}  // namespace tio::gds
