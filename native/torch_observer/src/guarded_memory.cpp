#include "guarded_memory.h"

#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <vector>

namespace tio {

namespace {

constexpr size_t kPageBytes = 4096;

}  // namespace

size_t read_guarded(void* to, const void* from, size_t bytes) {
    size_t done = 0;
    while (done < bytes) {
        char* source = static_cast<char*>(const_cast<void*>(from)) + done;
        const size_t in_page = kPageBytes - reinterpret_cast<uintptr_t>(source) % kPageBytes;
        const size_t count = std::min(bytes - done, in_page);
        iovec local{static_cast<char*>(to) + done, count};
        iovec remote{source, count};
        if (process_vm_readv(getpid(), &local, 1, &remote, 1, 0) != static_cast<ssize_t>(count)) break;
        done += count;
    }
    return done;
}

bool readable(const void* address, size_t bytes) {
    std::vector<char> copy(bytes);
    return read_guarded(copy.data(), address, bytes) == bytes;
}

bool writable(void* address, size_t bytes) {
    std::vector<char> copy(bytes);
    if (read_guarded(copy.data(), address, bytes) != bytes) return false;
    iovec local{copy.data(), bytes};
    iovec remote{address, bytes};
    return process_vm_writev(getpid(), &local, 1, &remote, 1, 0) == static_cast<ssize_t>(bytes);
}

}  // namespace tio
