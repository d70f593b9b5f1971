"""What `pulumi up` runs."""

from stacks.program.build import main

main()
