#include "hostile/attack.hpp"
namespace siov::hostile {
std::vector<Attack> descriptor_attacks() { return {}; }
}  // namespace siov::hostile
