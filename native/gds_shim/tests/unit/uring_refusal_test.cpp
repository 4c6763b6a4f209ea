// What happens where io_uring is refused: a seccomp filter on one thread plays the container.
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstddef>
#include <string>
#include <thread>

#include "abi_handles.h"
#include "uring_ring.h"

using namespace tio::gds;
using namespace tio::gds::testing;

namespace {

bool refuse_io_uring_on_this_thread(uint16_t sys_errno) {
    sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | uint32_t{sys_errno}),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const sock_fprog filter{static_cast<unsigned short>(std::size(program)), program};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

template <typename Body>
void where_io_uring_is_refused(uint16_t sys_errno, Body body) {
    std::thread([&] {
        if (!refuse_io_uring_on_this_thread(sys_errno)) GTEST_SKIP() << "seccomp filters are not available";
        body();
    }).join();
}

tio_status create(uint32_t backend, tio_gds_queue*& queue) {
    const auto options = queue_options(backend);
    return tio_gds_queue_create(&options, &queue);
}

}  // namespace

TEST(RefusedUring, AutoFallsBackToThreads) {
    where_io_uring_is_refused(EPERM, [] {
        tio_gds_queue* queue = nullptr;
        ASSERT_EQ(TIO_OK, create(TIO_BACKEND_AUTO, queue)) << last_error_text();
        uint32_t backend = 0;
        EXPECT_EQ(TIO_OK, tio_gds_queue_backend(queue, &backend));
        EXPECT_EQ(static_cast<uint32_t>(TIO_BACKEND_THREADS), backend);
        tio_gds_queue_destroy(queue);
    });
}

TEST(RefusedUring, IsNeverDowngradedWhenAskedFor) {
    where_io_uring_is_refused(EPERM, [] {
        tio_gds_queue* queue = nullptr;
        EXPECT_EQ(TIO_E_UNSUPPORTED, create(TIO_BACKEND_URING, queue));
        EXPECT_EQ(nullptr, queue);
        EXPECT_NE(std::string::npos, last_error_text().find("io_uring_setup")) << last_error_text();
        EXPECT_NE(std::string::npos, last_error_text().find("errno 1")) << last_error_text();
    });
}

TEST(RefusedUring, IsNamedAmongTheUnavailableBackends) {
    where_io_uring_is_refused(ENOSYS, [] {
        uint32_t mask = 0;
        char why[512] = "";
        EXPECT_EQ(TIO_OK, tio_gds_available_backends(&mask, why, sizeof(why)));
        EXPECT_EQ(0u, mask & (1u << TIO_BACKEND_URING));
        EXPECT_NE(0u, mask & (1u << TIO_BACKEND_THREADS));
        EXPECT_NE(std::string::npos, std::string(why).find("5.15")) << why;
    });
}

TEST(UringRefusal, TellsWhatToDo) {
    EXPECT_NE(std::string::npos, describe_uring_refusal(ENOSYS).find("5.15"));
    EXPECT_NE(std::string::npos, describe_uring_refusal(ENOMEM).find("ulimit -l"));
    EXPECT_NE(std::string::npos, describe_uring_refusal(EMFILE).find("ulimit -n"));
    EXPECT_NE(std::string::npos, describe_uring_refusal(EIO).find("errno 5"));
}
