// An open file and what its transfers must respect.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "direct_io_alignment.h"
#include "tio_gds.h"

namespace tio::gds {

class File;

// Told before a file's descriptor closes, by which time no request on it is in flight.
class FileCloseListener {
  public:
    virtual void closing(File& file) noexcept = 0;

  protected:
    ~FileCloseListener() = default;
};

// Immutable after construction but for the count of requests in flight and who listens; safe to use from any
// thread.
class File {
  public:
    // Opens for reading and writing; `flags` are TIO_FILE_*. Throws Failure.
    File(const std::string& path, uint32_t flags);
    // Takes over an open descriptor; the unit tests use pipes, whose transfers end only when they are told
    // to.
    File(int fd, DirectIoAlignment alignment, bool direct);
    ~File();
    File(const File&) = delete;
    File& operator=(const File&) = delete;

    tio_gds_file_info info() const;
    void allocate(uint64_t size);
    void sync();

    int fd() const noexcept { return fd_; }
    bool direct() const noexcept { return direct_; }
    uint32_t memory_alignment() const noexcept { return direct_ ? alignment_.memory : 1; }
    uint32_t offset_alignment() const noexcept { return direct_ ? alignment_.offset : 1; }
    // A transfer that starts at a multiple of this is aligned in memory and in the file.
    uint32_t resume_alignment() const noexcept;

    void request_began() noexcept { requests_in_flight_.fetch_add(1, std::memory_order_relaxed); }
    void request_ended() noexcept { requests_in_flight_.fetch_sub(1, std::memory_order_release); }
    uint64_t requests_in_flight() const noexcept {
        return requests_in_flight_.load(std::memory_order_acquire);
    }

    // Lives longer than the file. There is one kind, and it registers a file again without harm.
    void set_close_listener(FileCloseListener* listener) noexcept {
        close_listener_.store(listener, std::memory_order_release);
    }

  private:
    void turn_direct_on(const std::string& path, bool required);

    int fd_ = -1;
    bool direct_ = false;
    DirectIoAlignment alignment_;
    std::atomic<uint64_t> requests_in_flight_{0};
    std::atomic<FileCloseListener*> close_listener_{nullptr};
};

}  // namespace tio::gds

// The opaque handle of the C ABI is the file itself.
struct tio_gds_file final : tio::gds::File {
    using File::File;
};
