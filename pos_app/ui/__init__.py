"""The windows of the till: they show what the services say and forward what people do; they decide nothing."""
