"""What a user can correct: `userErrors`, each with the path to the input it is about."""

import strawberry

from ocpplab_graphql.schema.enums import UserErrorCode


@strawberry.type(description="Something in the input that you can correct. All of them are reported at once.")
class UserError:
    """A row of `userErrors`."""

    code: UserErrorCode = strawberry.field(description="What is wrong, for programs.")
    message: str = strawberry.field(description="What is wrong and what is allowed, for people.")
    path: list[str] | None = strawberry.field(
        description='Where in the arguments: `["input","locations","3","location","coordinates","latitude"]`. '
        "Null if it is about no single place."
    )
