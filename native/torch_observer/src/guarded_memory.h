// Memory looked at through the kernel, which answers EFAULT where a wrong address would crash us.
#pragma once

#include <cstddef>

namespace tio {

// Copies what is readable from `from` on, page by page; returns how many bytes that were.
size_t read_guarded(void* to, const void* from, size_t bytes);
bool readable(const void* address, size_t bytes);
bool writable(void* address, size_t bytes);

}  // namespace tio
