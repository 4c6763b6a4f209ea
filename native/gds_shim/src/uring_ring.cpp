#include "uring_ring.h"

#include <sys/uio.h>

#include <cerrno>
#include <fstream>
#include <memory>
#include <new>

#include "failure.h"

namespace tio::gds {

namespace {

// Newest first; a kernel that does not know a flag answers EINVAL. With DEFER_TASKRUN (6.1) completions are
// processed when the ring thread asks for them instead of interrupting it for each one; COOP_TASKRUN (5.19)
// spares the interrupt.
constexpr unsigned setup_flags[] = {IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
                                    IORING_SETUP_COOP_TASKRUN, 0};

int set_up(io_uring& ring, uint32_t entries) noexcept {
    int result = -EINVAL;
    for (const unsigned flags : setup_flags) {
        io_uring_params params{};
        // The completion queue must hold every chunk, every cancellation and the wake-up at once: then it
        // never overflows.
        params.flags = flags | IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP;
        params.cq_entries = entries * 4;
        result = io_uring_queue_init_params(entries, &ring, &params);
        if (result != -EINVAL) break;
    }
    return -result;
}

}  // namespace

int UringRing::open(uint32_t entries) noexcept {
    const int sys_errno = set_up(ring_, entries);
    is_open_ = sys_errno == 0;
    return sys_errno;
}

UringRing::~UringRing() {
    if (is_open_) io_uring_queue_exit(&ring_);
}

void UringRing::submit_and_wait() noexcept {
    const int result = io_uring_submit_and_wait(&ring_, 1);
    if (result >= 0 || result == -EINTR) return;
    // EAGAIN and EBUSY: the kernel lacks memory for another request. What is in flight frees some when it
    // completes; where nothing is, the entries stay in the ring and are offered again after the kernel has
    // slept for us.
    __kernel_timespec patience{};
    patience.tv_nsec = 1'000'000;
    io_uring_cqe* ignored = nullptr;
    io_uring_wait_cqe_timeout(&ring_, &ignored, &patience);
}

int UringRing::ensure_buffer_table(uint32_t slots) noexcept {
    if (has_buffer_table_) return 0;
    // Empty iovecs are what kernels before 5.19 take for a sparse table.
    const std::unique_ptr<iovec[]> empty(new (std::nothrow) iovec[slots]());
    const std::unique_ptr<__u64[]> no_tags(new (std::nothrow) __u64[slots]());
    if (empty == nullptr || no_tags == nullptr) return ENOMEM;
    const int result = io_uring_register_buffers_tags(&ring_, empty.get(), no_tags.get(), slots);
    has_buffer_table_ = result == 0;
    return -result;
}

int UringRing::set_buffer(uint32_t slots, uint32_t index, void* base, size_t length) noexcept {
    const int sys_errno = ensure_buffer_table(slots);
    if (sys_errno != 0) return sys_errno;
    const iovec buffer{base, length};
    const __u64 no_tag = 0;
    const int result = io_uring_register_buffers_update_tag(&ring_, index, &buffer, &no_tag, 1);
    return result == 1 ? 0 : (result < 0 ? -result : EIO);
}

void UringRing::clear_buffer(uint32_t index) noexcept {
    const iovec empty{};
    const __u64 no_tag = 0;
    io_uring_register_buffers_update_tag(&ring_, index, &empty, &no_tag, 1);
}

std::string describe_uring_refusal(int sys_errno) {
    const std::string what = "io_uring_setup: " + describe_errno(sys_errno);
    switch (sys_errno) {
        case ENOSYS:
            return what + ": the kernel has no io_uring (5.15 or later is needed), or a sandbox hides it";
        case EPERM: {
            int disabled = 0;
            std::ifstream("/proc/sys/kernel/io_uring_disabled") >> disabled;
            if (disabled != 0)
                return what + ": the sysctl kernel.io_uring_disabled is " + std::to_string(disabled) +
                       "; an administrator can set it to 0";
            return what +
                   ": a seccomp filter (container runtime) refuses it; allow the io_uring system calls there";
        }
        case ENOMEM:
            return what + ": the locked-memory limit is too low; raise it with 'ulimit -l' or LimitMEMLOCK=";
        case EMFILE:
        case ENFILE:
            return what + ": no file descriptors are left; raise 'ulimit -n'";
        default:
            return what;
    }
}

}  // namespace tio::gds
