"""Pure: a bounded number of places, of which nobody can take all. For operations, and for those who follow."""

from collections.abc import Hashable

# The last quarter of the places is for those who hold less than a quarter: whoever comes to a process that one
# caller fills finds room, and one caller alone can use three quarters.
_RESERVED = 4


class Places:
    """
    Places taken, by whom.

    Args:
        at_most: how many there are.
    """

    def __init__(self, at_most: int) -> None:
        self.at_most = at_most
        self._reserved = at_most // _RESERVED
        self._taken = 0
        self._by: dict[Hashable, int] = {}

    @property
    def full(self) -> bool:
        """Whether there is no place at all."""
        return self._taken >= self.at_most

    @property
    def taken(self) -> int:
        """How many are taken."""
        return self._taken

    def held_by(self, who: Hashable) -> int:
        """How many one caller has."""
        return self._by.get(who, 0)

    def has_room_for(self, who: Hashable) -> bool:
        """Whether this caller may take another one."""
        if self._taken < self.at_most - self._reserved:
            return True
        return not self.full and self.held_by(who) < self._reserved

    def take(self, who: Hashable) -> None:
        """One more for this caller, who had better asked before."""
        self._taken += 1
        self._by[who] = self.held_by(who) + 1

    def give_back(self, who: Hashable) -> None:
        """One less."""
        self._taken -= 1
        left = self.held_by(who) - 1
        if left:
            self._by[who] = left
        else:
            del self._by[who]
