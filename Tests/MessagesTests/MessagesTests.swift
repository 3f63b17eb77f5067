// Tests of Messages.
