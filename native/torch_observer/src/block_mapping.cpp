#include "block_mapping.h"

#include <sys/mman.h>

namespace tio {

char* map_block(size_t capacity) {
    const size_t alignment = capacity >= kHugePage ? kHugePage : kPage;
    const size_t span = kPage + capacity + (alignment - kPage);
    void* mapping = mmap(nullptr, span, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapping == MAP_FAILED) return nullptr;
    char* start = static_cast<char*>(mapping);
    char* data = reinterpret_cast<char*>(round_up(reinterpret_cast<uintptr_t>(start) + kPage, alignment));
    if (char* first = data - kPage; first > start) munmap(start, static_cast<size_t>(first - start));
    if (char* end = data + capacity; end < start + span) munmap(end, static_cast<size_t>(start + span - end));
    if (capacity >= kHugePage) madvise(data - kPage, kPage + capacity, MADV_HUGEPAGE);
    return data;
}

void unmap_block(char* data, size_t capacity) {
    munmap(data - kPage, kPage + capacity);
}

void shrink_block(char* data, size_t from, size_t to) {
    if (to < from) munmap(data + to, from - to);
}

PageMove move_huge_page(char* target, char* source) {
    // One page per call: before Linux 6.17 a call must not span mappings that were moved here from different
    // places.
    if (mremap(source, kHugePage, kHugePage, MREMAP_MAYMOVE | MREMAP_FIXED, target) != MAP_FAILED)
        return PageMove::Moved;
    // The kernel clears the target before it looks at the rest. Somebody else's mapping may be there by now:
    // no MAP_FIXED.
    void* fresh = mmap(target, kHugePage, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (fresh == target) {
        madvise(target, kHugePage, MADV_HUGEPAGE);
        return PageMove::Stayed;
    }
    if (fresh != MAP_FAILED) munmap(fresh, kHugePage);
    return PageMove::LeftAHole;
}

}  // namespace tio
