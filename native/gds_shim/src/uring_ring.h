// One io_uring instance: set-up with the reasons for a refusal, fixed buffers, waiting.
#pragma once

#include <liburing.h>

#include <cstddef>
#include <cstdint>
#include <string>

namespace tio::gds {

// Not thread-safe, and tied to the thread that opens it: the kernel cancels what a thread has in flight when
// that thread exits, and from Linux 6.1 on the ring is set up for a single issuer.
class UringRing {
  public:
    UringRing() = default;
    ~UringRing();
    UringRing(const UringRing&) = delete;
    UringRing& operator=(const UringRing&) = delete;

    // Makes room for `entries` submissions and four times as many completions. 0, or the errno of the
    // refusal: a code and not an exception, because it travels from the ring thread to the one that creates
    // the queue.
    int open(uint32_t entries) noexcept;

    // A free submission entry. A caller that keeps within the entries it asked for never waits here; only a
    // kernel that refused earlier submissions for lack of memory leaves none free.
    io_uring_sqe* next_entry() noexcept {
        io_uring_sqe* entry;
        while ((entry = io_uring_get_sqe(&ring_)) == nullptr) submit_and_wait();
        return entry;
    }

    // Submits what was prepared and waits for at least one completion.
    void submit_and_wait() noexcept;

    template <typename Handle>
    void reap(Handle&& handle) noexcept {
        unsigned head;
        unsigned count = 0;
        io_uring_cqe* cqe;
        io_uring_for_each_cqe(&ring_, head, cqe) {
            handle(cqe->user_data, cqe->res);
            ++count;
        }
        io_uring_cq_advance(&ring_, count);
    }

    // 0 or an errno. The table of `slots` fixed buffers comes into being with the first one.
    int set_buffer(uint32_t slots, uint32_t index, void* base, size_t length) noexcept;
    void clear_buffer(uint32_t index) noexcept;

  private:
    int ensure_buffer_table(uint32_t slots) noexcept;

    io_uring ring_{};
    bool is_open_ = false;
    bool has_buffer_table_ = false;
};

// "io_uring_setup: ... because ...; do ...", for the errnos with which kernels, containers and limits refuse
// it.
std::string describe_uring_refusal(int sys_errno);

}  // namespace tio::gds
