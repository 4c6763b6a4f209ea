#include "wake_descriptor.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>

#include "failure.h"

namespace tio::gds {

WakeDescriptor::WakeDescriptor() : fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (fd_ < 0) throw Failure::from_errno("eventfd", errno);
}

WakeDescriptor::~WakeDescriptor() {
    ::close(fd_);
}

void WakeDescriptor::signal() const noexcept {
    // Fails only when the counter is full, and then the ring thread is being woken anyway.
    [[maybe_unused]] const int result = eventfd_write(fd_, 1);
}

void WakeDescriptor::reset() const noexcept {
    eventfd_t count;
    [[maybe_unused]] const int result = eventfd_read(fd_, &count);
}

}  // namespace tio::gds
