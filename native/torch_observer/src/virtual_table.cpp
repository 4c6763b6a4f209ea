#include "virtual_table.h"

#include <dlfcn.h>

#include <algorithm>
#include <cstdint>

#include "guarded_memory.h"

namespace tio {

namespace {

void** table_of(void* object) {
    return __atomic_load_n(static_cast<void***>(object), __ATOMIC_ACQUIRE);
}

bool is_code(void* address) {
    Dl_info info;
    return address != nullptr && dladdr(address, &info) != 0;
}

}  // namespace

std::string VirtualTable::look_at(void* object, size_t last) {
    if (object == object_) {
        if (exchanged()) return {};
        // To stand in front of whoever stands in front of us would call in a circle.
        if (table_of(object) != table_) return "somebody else has exchanged its virtual functions";
        std::copy(words_.begin(), words_.end(), copies_.back().begin());
        return {};
    }
    void** table = nullptr;
    if (read_guarded(&table, object, sizeof table) != sizeof table) return "the object is not readable";
    if (!writable(object, sizeof table)) return "the object is not writable";
    std::vector<void*> words(kPrefix + kEntries);
    // Not pointer arithmetic: this may be no table at all.
    const uintptr_t first = reinterpret_cast<uintptr_t>(table) - kPrefix * sizeof(void*);
    const size_t bytes =
        read_guarded(words.data(), reinterpret_cast<void*>(first), words.size() * sizeof(void*));
    words.resize(bytes / sizeof(void*));
    if (words.size() <= kPrefix + last) return "its table of virtual functions is too short";
    for (size_t entry = 0; entry <= last; ++entry) {
        if (!is_code(words[kPrefix + entry]))
            return "entry " + std::to_string(entry) + " of its table of virtual functions is no function";
    }
    object_ = object;
    table_ = table;
    words_ = std::move(words);
    copies_.push_back(words_);
    return {};
}

bool VirtualTable::exchange() {
    void** expected = table_;
    return __atomic_compare_exchange_n(static_cast<void***>(object_), &expected, copy(), false,
                                       __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

bool VirtualTable::put_back() {
    void** expected = copy();
    return __atomic_compare_exchange_n(static_cast<void***>(object_), &expected, table_, false,
                                       __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

bool VirtualTable::exchanged() {
    return object_ != nullptr && table_of(object_) == copy();
}

}  // namespace tio
