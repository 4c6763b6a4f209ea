// An object's virtual functions, exchanged for others without knowing its class: the object is given a copy
// of its table, in which some entries are ours. Only what the platform's C++ ABI fixes is relied upon: the
// object begins with the pointer to its table, and the type information lies in front of the first entry.
#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <vector>

namespace tio {

class VirtualTable {
  public:
    // Looks at the table of `object`; empty, or why it cannot be exchanged. `last` is the highest entry that
    // will be asked for.
    std::string look_at(void* object, size_t last);

    // An entry as the class has it.
    void* original(size_t entry) const { return words_[kPrefix + entry]; }
    // Puts `function` into the copy. Before exchange().
    void replace(size_t entry, void* function) { copies_.back()[kPrefix + entry] = function; }

    // Gives the object the copy; false when its table is another one than look_at saw. Calls that other
    // threads are in go on in the old one: both stay in memory for good.
    bool exchange();
    // Gives the object its own table back; false when somebody else has exchanged it meanwhile.
    bool put_back();
    bool exchanged();

  private:
    void** copy() { return copies_.back().data() + kPrefix; }

    // Offset to top, type information: dynamic_cast reads them.
    static constexpr size_t kPrefix = 2;
    // More than any allocator class has; what lies behind a shorter table is copied along and never used.
    static constexpr size_t kEntries = 128;

    void* object_ = nullptr;
    void** table_ = nullptr;  // the object's own
    std::vector<void*> words_;
    std::deque<std::vector<void*>> copies_;  // the last one is in use; former ones may still be
};

}  // namespace tio
