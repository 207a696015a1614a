"""`python -m mspass_stack.provider ENGINE`: what the engine starts."""

from mspass_stack.provider.serve import main

if __name__ == "__main__":
    main()
