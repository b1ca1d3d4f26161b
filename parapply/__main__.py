"""`python -m parapply`."""

from parapply.cli import main

if __name__ == "__main__":
    main()
