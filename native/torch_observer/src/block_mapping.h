// The mappings behind large blocks: [header page][data ...]. Data is page-aligned, and huge-page-aligned from
// one huge page on, so that whole huge pages can move from one block to another without being touched.
#pragma once

#include <cstddef>
#include <cstdint>

namespace tio {

inline constexpr size_t kPage = 4096;
inline constexpr size_t kHugePage = size_t{2} << 20;

inline size_t round_up(size_t value, size_t unit) {
    return (value + unit - 1) / unit * unit;
}

// Address of the data; nullptr when the system has no memory left.
char* map_block(size_t capacity);
void unmap_block(char* data, size_t capacity);

// Gives the pages past `to` back to the system.
void shrink_block(char* data, size_t from, size_t to);

enum class PageMove { Moved, Stayed, LeftAHole };

// Moves one huge page, with what is in it, from an address inside one block to an address inside another,
// both aligned. Afterwards nothing is mapped at `source`. Stayed: the system refused, both are as they were
// but for the contents of `target`. LeftAHole: and nothing is mapped at `target` any more.
PageMove move_huge_page(char* target, char* source);

}  // namespace tio
